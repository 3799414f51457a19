import { describe, expect, test, vi } from 'vitest'
import type { Point } from '../schemas'
import { cross, dot, plus } from './geometry'
import { boxesOf, extremesOf, type Labels, type Placement, surfaceOf } from './surface_maker'

vi.spyOn(console, 'time').mockReturnValue(undefined)
vi.spyOn(console, 'timeEnd').mockReturnValue(undefined)

const DIMS: Point = [12, 10, 9]
const STRAIGHT: Placement = {
  origin: [0, 0, 0],
  directions: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  spacing: [1, 1, 1],
}

function labelled(inside: (i: number, j: number, k: number) => number): Labels {
  const slots = new Uint8Array(DIMS[0] * DIMS[1] * DIMS[2])
  for (let n = 0; n < slots.length; n++) {
    const k = Math.floor(n / (DIMS[0] * DIMS[1]))
    slots[n] = inside(n % DIMS[0], Math.floor(n / DIMS[0]) % DIMS[1], k)
  }
  return { slots, dims: DIMS, groups: Uint8Array.from({ length: 256 }, (_, n) => n) }
}

const between = (value: number, low: number, high: number): boolean => value >= low && value <= high
const block = labelled((i, j, k) =>
  Number(between(i, 3, 8) && between(j, 2, 7) && between(k, 0, 8)),
)

function made(labels: Labels, placement = STRAIGHT, most = 1e6) {
  return surfaceOf(labels, 1, boxesOf(labels).get(1)!, placement, most)
}

/** By the divergence theorem: positive for triangles that face outwards. */
function volumeOf(points: Float32Array, polys: Uint32Array): number {
  const at = (n: number): Point => [...points.subarray(3 * n, 3 * n + 3)] as Point
  let sum = 0
  for (let n = 0; n < polys.length; n += 4) {
    const [a, b, c] = [at(polys[n + 1]!), at(polys[n + 2]!), at(polys[n + 3]!)]
    sum += dot(a, cross(b, c)) / 6
  }
  return sum
}

describe('boxesOf', () => {
  test('gives the first and last voxels of each group', () => {
    const labels = labelled((i, j, k) => (i === 4 && j === 5 ? (k < 3 ? 1 : 2) : 0))
    labels.groups[2] = 7
    const boxes = boxesOf(labels)
    expect(boxes.get(1)).toEqual({ low: [4, 5, 0], high: [4, 5, 2] })
    expect(boxes.get(7)).toEqual({ low: [4, 5, 3], high: [4, 5, 8] })
    expect(boxes.size).toBe(2)
  })
})

describe('surfaceOf', () => {
  test('encloses a block up to the sides of its voxels, also at the edge of the grid', () => {
    const { points, polys } = made(block)
    const [low, high] = extremesOf(points)
    expect(low.map((mm) => Math.round(mm * 100) / 100)).toEqual([2.5, 1.5, -0.5])
    expect(high.map((mm) => Math.round(mm * 100) / 100)).toEqual([8.5, 7.5, 8.5])
    const voxels = 6 * 6 * 9
    expect(volumeOf(points, polys)).toBeGreaterThan(0.85 * voxels)
    expect(volumeOf(points, polys)).toBeLessThan(voxels)
  })

  test('passes between every voxel of the label and its neighbours, and loses none', () => {
    const single = labelled((i, j, k) => Number(i === 5 && j === 5 && k === 4))
    const [low, high] = extremesOf(made(single).points)
    for (const [n, centre] of [5, 5, 4].entries()) {
      expect(low[n]).toBeGreaterThan(centre - 1)
      expect(low[n]).toBeLessThan(centre)
      expect(high[n]).toBeGreaterThan(centre)
      expect(high[n]).toBeLessThan(centre + 1)
    }
  })

  test('is placed by origin, directions and spacing, and faces outwards in a flipped grid', () => {
    const flipped: Placement = {
      origin: [100, -50, 7],
      directions: [
        [-0.8, 0.6, 0],
        [0.6, 0.8, 0],
        [0, 0, 1],
      ],
      spacing: [0.5, 2, 3],
    }
    const { points, normals, polys } = made(block, flipped)
    const centre = (axis: number): number =>
      points.filter((_, n) => n % 3 === axis).reduce((a, b) => a + b) / (points.length / 3)
    // The middle voxel is (5.5, 4.5, 4).
    expect(centre(0)).toBeCloseTo(100 - 0.8 * 2.75 + 0.6 * 9, 1)
    expect(centre(1)).toBeCloseTo(-50 + 0.6 * 2.75 + 0.8 * 9, 1)
    expect(centre(2)).toBeCloseTo(7 + 12, 1)
    const middle: Point = [centre(0), centre(1), centre(2)]
    const moved = points.map((value, n) => value - middle[n % 3]!)
    expect(volumeOf(moved, polys)).toBeGreaterThan(0.85 * 6 * 6 * 9 * 3)
    for (let n = 0; n < normals.length; n += 300) {
      const point = [...points.subarray(n, n + 3)] as Point
      const normal = [...normals.subarray(n, n + 3)] as Point
      expect(Math.hypot(...normal)).toBeCloseTo(1)
      expect(dot(normal, plus(point, middle, -1))).toBeGreaterThan(0)
    }
  })

  test('of fewer cells is in the same place', () => {
    const whole = made(block)
    const small = made(block, STRAIGHT, 100)
    expect(small.reduction).toBeGreaterThan(1)
    expect(small.polys.length).toBeLessThan(whole.polys.length / 2)
    const [[low, high], [a, b]] = [extremesOf(whole.points), extremesOf(small.points)]
    for (const n of [0, 1, 2]) {
      expect(Math.abs(low[n]! - a[n]!)).toBeLessThanOrEqual(small.reduction / 2)
      expect(Math.abs(high[n]! - b[n]!)).toBeLessThanOrEqual(small.reduction / 2)
    }
  })

  test('of a thin label does not vanish when it is reduced', () => {
    const thin = labelled((i, j, k) => Number(i === 5 && j === 5 && between(k, 1, 7)))
    const sheet = labelled((i, _, k) => Number(i === 3 && k > 0) || Number(i === 9 && k === 4))
    expect(made(thin, STRAIGHT, 3).polys.length).toBeGreaterThan(0)
    expect(made(sheet, STRAIGHT, 20).polys.length).toBeGreaterThan(0)
  })
})

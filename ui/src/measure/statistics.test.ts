import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import type { Grid } from '../viewer/nifti'
import type { Drawn, Kind } from './measurement'
import { statisticsOf } from './statistics'

const DIMS: Point = [7, 6, 5]
const DATA = Int16Array.from({ length: 210 }, (_, n) => ((n * 7919) % 601) - 300)

/** A flipped, anisotropic volume with a scale and an offset. */
const GRID: Grid = {
  dims: DIMS,
  components: 1,
  data: DATA,
  affine: [
    [0, 0, -3, 20],
    [-0.5, 0, 0, 8],
    [0, 2, 0, -4],
    [0, 0, 0, 1],
  ],
  slope: 2,
  intercept: -10,
}

function at(i: number, j: number, k: number): Point {
  return [20 - 3 * k, 8 - 0.5 * i, 2 * j - 4]
}

function value(i: number, j: number, k: number): number {
  return DATA[i + 7 * (j + 6 * k)]! * 2 - 10
}

function drawn(kind: Kind, ...points: Point[]): Drawn {
  return { id: kind, kind, label: '', points }
}

function expectThose(found: ReturnType<typeof statisticsOf>, values: number[]): void {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  const sd = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length)
  expect(found?.voxels).toBe(values.length)
  expect(found?.mean).toBeCloseTo(mean)
  expect(found?.sd).toBeCloseTo(sd)
  expect([found?.minimum, found?.maximum]).toEqual([Math.min(...values), Math.max(...values)])
}

describe('statistics of a volume', () => {
  it('are those of stored values inside a rectangle on any slice, with its border', () => {
    const box = drawn('rectangle', at(1, 2, 1), at(5.4, 2, 1), at(5.4, 2, 3), at(1, 2, 3))
    const inside = [1, 2, 3].flatMap((k) => [1, 2, 3, 4, 5].map((i) => value(i, 2, k)))
    expectThose(statisticsOf(box, GRID, false), inside)
  })
  it('are those inside an ellipse', () => {
    const oval = drawn('ellipse', at(4, 0, 2), at(4, 4, 2), at(1, 2, 2), at(7, 2, 2))
    const inside = []
    for (let i = 0; i < 7; i++)
      for (let j = 0; j < 6; j++)
        if (((i - 4) / 3) ** 2 + ((j - 2) / 2) ** 2 <= 1) inside.push(value(i, j, 2))
    expectThose(statisticsOf(oval, GRID, false), inside)
  })
  it('a probe has the value of the nearest voxel, a length none', () => {
    const probe = statisticsOf(drawn('probe', at(2.4, 3.6, 1)), GRID, false)
    expect(probe?.mean).toBe(value(2, 4, 1))
    expect(statisticsOf(drawn('length', at(0, 0, 0), at(1, 1, 1)), GRID, false)).toBeNull()
  })
})

describe('statistics of an image', () => {
  it('count rows from the top, where the last row is stored first', () => {
    const grid: Grid = { ...GRID, dims: [7, 30, 1] }
    const found = statisticsOf(drawn('probe', [3, 1, 0]), grid, true)
    expect(found?.mean).toBe(DATA[3 + 7 * 28]! * 2 - 10)
  })
  it('have no values in colour, and none between pixels', () => {
    const grid: Grid = { ...GRID, dims: [7, 10, 1], components: 3 }
    const box = drawn('rectangle', [1, 1, 0], [3, 1, 0], [3, 2, 0], [1, 2, 0])
    expect(statisticsOf(box, grid, true)).toMatchObject({ voxels: 6, mean: null })
    const between = [1.2, 1.8].flatMap((y): Point[] => [
      [1.2, y, 0],
      [1.8, y, 0],
    ])
    const small = drawn('rectangle', between[0]!, between[1]!, between[3]!, between[2]!)
    expect(statisticsOf(small, { ...grid, components: 1 }, true)?.voxels).toBe(0)
  })
})

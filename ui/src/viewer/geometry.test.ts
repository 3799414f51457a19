import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import {
  type Affine,
  indexOf,
  lettersOf,
  planesOf,
  roundLength,
  toVoxel,
  toWorld,
} from './geometry'

const OBLIQUE: Affine = [
  [0, -1.5, 0.2, 10],
  [2, 0, 0.1, -20],
  [0.3, 0, -3, 5],
  [0, 0, 0, 1],
]

describe('geometry', () => {
  it('finds the voxel of a point in the world', () => {
    for (const voxel of [
      [0, 0, 0],
      [7, 3, 1],
      [1, 12, 40],
    ] as const) {
      const found = toVoxel(OBLIQUE, toWorld(OBLIQUE, [...voxel]))
      expect(found.map((n) => Number(n.toFixed(9)) + 0)).toEqual([...voxel])
    }
  })

  it('has no voxel where the affine is singular', () => {
    const flat = OBLIQUE.map((row) => [row[0]!, row[0]!, row[2]!, row[3]!])
    expect(toVoxel(flat, [1, 2, 3]).every(Number.isFinite)).toBe(false)
  })

  it('counts i fastest, and nothing outside', () => {
    expect(indexOf([1, 2, 3], [4, 5, 6])).toBe(1 + 4 * (2 + 5 * 3))
    expect(indexOf([4, 0, 0], [4, 5, 6])).toBe(-1)
    expect(indexOf([0, -1, 0], [4, 5, 6])).toBe(-1)
  })
})

/** An affine with these unit columns and sizes. */
const affine = (columns: [Point, Point, Point], sizes: Point): Affine => [
  ...[0, 1, 2].map((row) => [0, 1, 2].map((n) => columns[n]![row]! * sizes[n]!).concat(0)),
  [0, 0, 0, 1],
]

describe('planes', () => {
  it('follow the radiological convention, however the voxels are stored', () => {
    const stored: [Point, Point, Point][] = [
      [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
      [
        [-1, 0, 0],
        [0, -1, 0],
        [0, 0, -1],
      ],
      [
        [0, 0, -1],
        [1, 0, 0],
        [0, -1, 0],
      ],
    ]
    for (const columns of stored) {
      const planes = planesOf(affine(columns, [1, 2, 3]))
      expect(planes.axial.right.map((n) => n + 0)).toEqual([-1, 0, 0])
      expect(planes.axial.up.map((n) => n + 0)).toEqual([0, 1, 0])
      expect(planes.coronal.up.map((n) => n + 0)).toEqual([0, 0, 1])
      expect(planes.sagittal.right.map((n) => n + 0)).toEqual([0, -1, 0])
      const { axis, next } = planes.axial
      expect(columns[axis]!.map((n) => n * next + 0)).toEqual([0, 0, -1]) // towards the feet
    }
  })

  it('are the stored slices of an oblique volume', () => {
    const [c, s] = [Math.cos(0.4), Math.sin(0.4)]
    const { axial, coronal } = planesOf(
      affine(
        [
          [c, s, 0],
          [-s, c, 0],
          [0, 0, 1],
        ],
        [1, 1, 5],
      ),
    )
    expect(axial.axis).toBe(2)
    expect(axial.right[0]).toBeCloseTo(-c)
    expect(axial.right[1]).toBeCloseTo(-s)
    expect(coronal.axis).toBe(1)
  })

  it('use each axis once, also where two are nearest to the same direction', () => {
    const [c, s] = [Math.cos(Math.PI / 4), Math.sin(Math.PI / 4)]
    const planes = planesOf(
      affine(
        [
          [c, s, 0],
          [-s, c, 0],
          [0, 0, 1],
        ],
        [1, 1, 1],
      ),
    )
    expect(new Set(Object.values(planes).map((plane) => plane.axis)).size).toBe(3)
  })

  it('have letters for the sides of the patient', () => {
    expect(lettersOf([-1, 0, 0])).toBe('L')
    expect(lettersOf([-0.9, 0.43, 0])).toBe('LA')
    expect(lettersOf([0, 0.1, -0.99])).toBe('I')
  })

  it('have a scale of a round length', () => {
    expect(roundLength(37)).toBe(20)
    expect(roundLength(5)).toBe(5)
    expect(roundLength(0.19)).toBeCloseTo(0.1)
  })
})

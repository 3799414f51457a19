import { describe, expect, it } from 'vitest'
import { type Affine, indexOf, toVoxel, toWorld } from './geometry'

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
      expect(found.map((n) => n + 0)).toEqual([...voxel])
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

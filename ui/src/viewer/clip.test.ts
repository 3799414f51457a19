import { describe, expect, test } from 'vitest'
import type { Point } from '../schemas'
import { halvesOf, keeps, noCuts, shareAt } from './clip'
import { firstShown } from './ray'
import { Space } from './space'

/** Oblique and anisotropic: the planes are those of the grid. */
const affine = [
  [-0.8, 0.6, 0, 30],
  [0.6, 0.8, 0, -20],
  [0, 0, 3, 10],
  [0, 0, 0, 1],
]
const grid = { dims: [20, 30, 10] as Point, affine } as never
const space = Space.ofVolume(grid, [1, 1, 1])

describe('cuts', () => {
  test('remove the reader’s side of a slice, or the other one', () => {
    const cuts = noCuts()
    cuts.axial = { on: true, beyond: false, share: 0.5 }
    const above = space.toScene([10, 15, 8])
    const below = space.toScene([10, 15, 1])
    const { normal } = space.planes.axial!
    const aboveIsNear = normal[2] > 0
    expect(keeps(halvesOf(cuts, space), above)).toBe(!aboveIsNear)
    expect(keeps(halvesOf(cuts, space), below)).toBe(aboveIsNear)
    cuts.axial.beyond = true
    expect(keeps(halvesOf(cuts, space), above)).toBe(aboveIsNear)
    cuts.axial.on = false
    expect(keeps(halvesOf(cuts, space), below)).toBe(true)
  })

  test('of several planes keep only what all of them keep', () => {
    const cuts = noCuts()
    for (const plane of ['axial', 'coronal', 'sagittal'] as const) cuts[plane].on = true
    const corners = [0, 19].flatMap((i) => [0, 29].flatMap((j) => [0, 9].map((k) => [i, j, k])))
    const kept = corners.filter((voxel) =>
      keeps(halvesOf(cuts, space), space.toScene(voxel as Point)),
    )
    expect(kept).toHaveLength(1)
  })

  test('go through the point whose share they have', () => {
    const cuts = noCuts()
    const point = space.toScene([3, 25, 7])
    for (const plane of ['axial', 'coronal', 'sagittal'] as const) {
      cuts[plane] = { on: true, beyond: false, share: shareAt(space, plane, point) }
    }
    for (const { origin, normal } of halvesOf(cuts, space)) {
      const distance = normal.reduce((sum, n, axis) => sum + n * (point[axis]! - origin[axis]!), 0)
      expect(distance).toBeCloseTo(0)
    }
  })
})

describe('firstShown', () => {
  const slots = new Uint8Array(20 * 30 * 10)
  const index = (i: number, j: number, k: number): number => i + 20 * (j + 30 * k)
  slots[index(10, 15, 2)] = 1
  slots[index(10, 15, 7)] = 2
  const placed = { slots, dims: [20, 30, 10] as Point, space }
  const [from, up]: [Point, Point] = [space.toScene([10, 15, 0]), [0, 0, 1]]

  test('is the voxel nearest to the reader', () => {
    const any = (slot: number): boolean => slot > 0
    expect(firstShown(placed, any, [], from, up, 100)).toEqual([10, 15, 7])
    expect(firstShown(placed, any, [], from, [0, 0, -1], 100)).toEqual([10, 15, 2])
  })

  test('passes hidden labels, and what a cut removes', () => {
    expect(firstShown(placed, (slot) => slot === 1, [], from, up, 100)).toEqual([10, 15, 2])
    const half = { origin: space.toScene([0, 0, 5]), normal: [0, 0, -1] as Point }
    expect(firstShown(placed, (slot) => slot > 0, [half], from, up, 100)).toEqual([10, 15, 2])
    expect(firstShown(placed, () => false, [], from, up, 100)).toBeNull()
  })
})

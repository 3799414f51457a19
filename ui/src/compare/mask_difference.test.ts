import { describe, expect, it } from 'vitest'
import type { Grid } from '../viewer/nifti'
import { differenceOf, type Meaning, middleOf, neighbour, OTHER, SAME } from './mask_difference'

const PLAIN: Meaning = { objects: false, renumbered: {} }

function grid(dims: Grid['dims'], values: number[]): Grid {
  const affine = [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((n) => (n === row ? 1 : 0)))
  const data = Uint8Array.from(values)
  return { dims, components: 1, data, affine, slope: 1, intercept: 0 }
}

describe('difference of two masks', () => {
  const first = grid([2, 2, 2], [0, 1, 2, 2, 0, 1, 3, 0])
  const second = grid([2, 2, 2], [0, 1, 1, 2, 2, 0, 3, 0])

  it('knows what each voxel is', () => {
    const { kinds, counts, slices } = differenceOf(first, second, PLAIN)
    expect([...kinds.data]).toEqual([0, 4, 3, 4, 2, 1, 4, 0])
    expect(counts).toEqual([0, 1, 1, 1, 3])
    expect(slices.map((axis) => [...axis])).toEqual([
      [2, 1],
      [2, 1],
      [1, 2],
    ])
  })

  it('compares objects by their areas alone', () => {
    const { counts } = differenceOf(first, second, { objects: true, renumbered: {} })
    expect([counts[OTHER], counts[SAME]]).toEqual([0, 4])
  })

  it('compares labels of the same meaning', () => {
    const meaning = { objects: false, renumbered: { 1: 2, 2: 1, 3: 4 } }
    const { kinds } = differenceOf(first, second, meaning)
    expect([...kinds.data]).toEqual([0, 3, 4, 3, 2, 1, 3, 0])
  })

  it('leads to slices with differences, and to the middle of them', () => {
    const none = grid([3, 3, 4], Array(36).fill(0))
    const some = grid([3, 3, 4], Array(36).fill(0))
    for (const at of [9, 10, 11, 27 + 4]) some.data[at] = 1
    const found = differenceOf(none, some, PLAIN)
    const along = found.slices[2]
    expect([-1, 1, 3].map((from) => neighbour(along, from, 1))).toEqual([1, 3, null])
    expect([3, 1].map((from) => neighbour(along, from, -1))).toEqual([1, null])
    expect(middleOf(found, 2, 1)).toEqual([1, 0, 1])
    expect(middleOf(found, 2, 3)).toEqual([1, 1, 3])
    expect(middleOf(found, 2, 0)).toBeNull()
  })
})

import { describe, expect, it } from 'vitest'
import type { Model } from '../schemas'
import { DrawnMask } from './drawn_mask'
import { Legend } from './legend'
import type { Grid } from './nifti'

function drawn(data: Uint16Array, changes: Partial<Model> = {}, reduced = false): DrawnMask {
  const labels = [40, 30, 20].map((value) => ({ value, name: `${value}`, color: '#123456' }))
  const legend = new Legend({ labels, instances: false, ...changes } as Model)
  const affine = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ]
  const dims: Grid['dims'] = [data.length, 1, 1]
  const grid: Grid = { dims, components: 1, data, affine, slope: 1, intercept: 0 }
  const slots = legend.slotsOf(data)
  return new DrawnMask(grid, reduced ? slots.subarray(1) : slots, legend)
}

describe('a drawn mask', () => {
  it('has a slot for each label, also for those without a voxel, and follows changes', () => {
    const mask = drawn(Uint16Array.of(0, 20, 0, 700))
    const { legend, slots } = mask
    expect(mask.refused).toBe('')
    expect([40, 30, 20, 700, 5].map((value) => legend.slotOf(value))).toEqual([3, 4, 1, 2, 0])
    slots[2] = legend.slotOf(40)
    expect([0, 1, 2, 3].map((i) => mask.valueAt([i, 0, 0]))).toEqual([0, 20, 40, 700])
    expect(mask.nearest(40, [0, 0, 0])).toEqual([2, 0, 0])
    expect(mask.nearest(30, [0, 0, 0])).toEqual([0, 0, 0])
    expect(mask.nearest(5, [1, 0, 0])).toEqual([1, 0, 0])
  })

  it.each([
    ['reduced', drawn(Uint16Array.of(0, 20), {}, true), 20, /graphics memory/],
    [
      'of too many labels',
      drawn(Uint16Array.from({ length: 300 }, (_, n) => n)),
      1,
      /: it has 299 labels, and only 254 are .* The others look like one\. Correct the downloaded/,
    ],
    [
      'of too many objects',
      drawn(Uint16Array.of(241, 500), { instances: true }),
      500,
      /: it numbers objects up to 500, and only 240 are .* look like one\. Correct the downloaded/,
    ],
  ])('%s cannot be corrected, says why, and is read all the same', (_, mask, value, why) => {
    expect(mask.refused).toMatch(/cannot be corrected/)
    expect(mask.refused).toMatch(why)
    expect(mask.valueAt([1, 0, 0])).toBe(value)
  })
})

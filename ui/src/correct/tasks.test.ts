import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import type { Task } from './background'
import { Editor } from './editor'
import type { Edit, LabelVolume } from './labels'
import { slotTable } from './operations/changes'
import { cropped, uncropped } from './operations/crop'
import { interpolated } from './operations/interpolation'
import { type Order, perform } from './operations/orders'
import { indicesOf, numbersFrom, randomVolume } from './operations/pictures'
import type { Values } from './operations/values'
import {
  fillTask,
  interpolationTask,
  type LabelOrder,
  labelTask,
  regionTask,
  scissorsTask,
} from './tasks'

const OVER = slotTable([0])

/** What the worker does with a task. */
function done(volume: LabelVolume, task: Task | null): Edit[] {
  const { box, slot, order } = task!
  return uncropped(perform(cropped(volume, box), slot, order).edits, box, volume.dims)
}

function changed(edits: Edit[]): number[][] {
  return [0, 1].map((slot) => indicesOf(edits, slot))
}

/** A lump of slot 1 away from the edges and one at an edge, with holes and islands, among others. */
function lumps(): LabelVolume {
  const volume = randomVolume([19, 17, 15], [0.8, 1.1, 1.9], 20, 4)
  for (const n of volume.data.keys()) {
    const [i, j, k] = [n % 19, Math.floor(n / 19) % 17, Math.floor(n / 19 / 17)]
    const inside = i > 6 && i < 13 && j > 4 && j < 12 && k < 9
    if (volume.data[n]! > 3) volume.data[n] = inside ? 1 : 0
    else if (!inside && volume.data[n] === 1 && (i < 3 || k > 11)) volume.data[n] = 0
  }
  return volume
}

describe('a task on a part gives what the operation on all labels gives', () => {
  const volume = lumps()
  it.each<LabelOrder>([
    { kind: 'islands', kept: 'largest' },
    { kind: 'holes', axis: null, over: OVER },
    { kind: 'holes', axis: 1, over: OVER },
    { kind: 'smooth', mm: 1.2, over: OVER },
    { kind: 'resize', mm: 2, over: OVER },
    { kind: 'resize', mm: -1, over: OVER },
  ])('$kind', (order) => {
    const expected = changed(perform(volume, 1, order).edits)
    expect(changed(done(volume, labelTask(volume, 1, order)))).toEqual(expected)
    expect(expected.flat().length).toBeGreaterThan(4)
    expect(labelTask(volume, 99, order)).toBeNull()
  })
  it('fill', () => {
    for (const at of [
      [9, 8, 4],
      [0, 0, 0],
    ] as Point[]) {
      const order: Order = { kind: 'fill', at }
      const expected = changed(perform(volume, 1, order).edits)
      expect(changed(done(volume, fillTask(volume, at, 1)))).toEqual(expected)
    }
  })
  it.each([0, 1, 2] as const)('scissors along axis %d', (axis) => {
    const corners = [
      [-2, 3.5],
      [9.2, -1],
      [11, 12],
    ] as const
    for (const fills of [true, false]) {
      for (const beside of [0, 2, Number.POSITIVE_INFINITY]) {
        const cut = { corners, slice: { axis, index: 6 }, beside, fills }
        const expected = changed(perform(volume, 1, { kind: 'scissors', cut }).edits)
        expect(changed(done(volume, scissorsTask(volume, 1, cut)))).toEqual(expected)
      }
    }
    const beside = corners.map(([u, v]) => [u - 99, v] as const)
    const cut = { corners: beside, slice: { axis, index: 6 }, beside: 0, fills: true }
    expect(scissorsTask(volume, 1, cut)).toBeNull()
  })
  it('region', () => {
    const next = numbersFrom(8)
    const data = Int16Array.from(volume.data, (slot) => (slot === 1 ? 50 : 0) + next() * 70)
    const values: Values = { data, components: 1, slope: 1, intercept: 0 }
    for (const slice of [null, { axis: 0, index: 9 } as const]) {
      const growth = { at: [9, 8, 4] as Point, range: { low: 40, high: 110 }, radius: 3.5, slice }
      const over = slotTable([0, 2])
      const expected = perform(volume, 1, { kind: 'region', values, growth, over })
      expect(changed(done(volume, regionTask(volume, values, 1, growth, over)))).toEqual(
        changed(expected.edits),
      )
      expect(changed(expected.edits)[1]!.length).toBeGreaterThan(4)
    }
  })
})

it('interpolates between what was painted, from the labels of the beginning', () => {
  const volume = lumps()
  const base = volume.data.slice()
  const editor = new Editor(volume)
  for (const [k, first] of [
    [2, 1],
    [6, 3],
  ] as const) {
    const rows = [2, 3, 4, 5].map((j) => first + 19 * (j + 17 * k))
    const runs = Uint32Array.from(rows.flatMap((start) => [start, 5]))
    editor.apply([{ slot: 1, runs }], 'Brush')
  }
  const how = { axis: 2, most: 9, between: 'painted' } as const
  const expected = interpolated(volume, base, 1, how)
  const task = interpolationTask(volume, editor.difference, 1, how)
  expect(changed(done(volume, task))).toEqual(changed(expected.edits))
  expect(expected.slices).toEqual([3, 4, 5])
  expect(interpolationTask(volume, editor.difference, 99, how)).toBeNull()
})

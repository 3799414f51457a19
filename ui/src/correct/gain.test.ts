import { expect, it } from 'vitest'
import { Editor } from './editor'
import { gainText, isLarge } from './gain'
import { volumeOf } from './operations/pictures'

const size = (voxels: number): string => `${voxels} mm³`
const gain = (before: number, added: number, removed: number) => ({ before, added, removed })

it('a step counts what a label gained and lost', () => {
  const editor = new Editor(volumeOf([['1122', '1100']]))
  editor.apply([{ slot: 1, runs: Uint32Array.of(2, 1, 6, 2) }], 'Grow')
  expect(editor.lastChange(1)).toEqual({ added: 3, removed: 0 })
  expect(editor.lastChange(2)).toEqual({ added: 0, removed: 1 })
})

it('the share of the label is stated, and both parts if it gained and lost', () => {
  expect(gainText(gain(1000, 0, 410), size)).toBe('410 mm³, 41 % less')
  expect(gainText(gain(1000, 1500, 0), size)).toBe('1500 mm³, 150 % more')
  expect(gainText(gain(9000, 1, 0), size)).toBe('1 mm³, under 0.1 % more')
  expect(gainText(gain(0, 5, 0), size)).toBe('5 mm³ more')
  expect(gainText(gain(1000, 20, 60), size)).toBe('40 mm³, 4 % less (20 mm³ added, 60 mm³ removed)')
  expect(gainText(gain(1000, 7, 7), size)).toBe(
    'the size is as before (7 mm³ added, 7 mm³ removed)',
  )
  expect(gainText(gain(1000, 0, 0), size)).toBe('done')
})

it('more than a quarter of a label is large, also where it gained as much', () => {
  expect([gain(1000, 0, 250), gain(0, 9, 0)].map(isLarge)).toEqual([false, false])
  expect([gain(1000, 0, 251), gain(1000, 300, 300)].map(isLarge)).toEqual([true, true])
})

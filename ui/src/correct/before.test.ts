import { expect, it } from 'vitest'
import { Before } from './before'
import { Editor } from './editor'

it('shows the labels from before in the slices that differ, and brings the others back', () => {
  const editor = new Editor({
    data: Uint8Array.from({ length: 24 }, (_, n) => n % 2),
    dims: [3, 2, 4],
    spacing: [1, 1, 1],
  })
  const first = editor.volume.data.slice()
  editor.apply([{ slot: 3, runs: Uint32Array.of(7, 2, 20, 1) }], 'Brush')
  const present = editor.volume.data.slice()
  const drawn: number[][] = []
  const before = new Before(editor, (slices) => drawn.push(slices))
  expect([before.show(true), before.show(true), before.shown]).toEqual([true, false, true])
  expect(editor.volume.data).toEqual(first)
  expect([before.show(false), before.shown]).toEqual([true, false])
  expect(editor.volume.data).toEqual(present)
  expect(drawn).toEqual([
    [1, 3],
    [1, 3],
  ])
})

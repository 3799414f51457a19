import { expect, it } from 'vitest'
import { Editor } from './editor'
import { KeptHistory } from './kept_history'

const ZEROS = new Uint8Array(8)
const editorOf = (data: Uint8Array): Editor =>
  new Editor({ data: data.slice(), dims: [8, 1, 1], spacing: [1, 1, 1] })

it('undoes what was done before the draft was kept, if nothing changed it meanwhile', () => {
  const first = editorOf(ZEROS)
  first.apply([{ runs: Uint32Array.of(1, 3), slot: 2 }], 'Brush')
  first.apply([{ runs: Uint32Array.of(5, 2), slot: 1 }], 'Fill')
  first.undo()
  const kept = new KeptHistory()
  kept.keep({ id: 'd' }, 3, first)
  const continued = editorOf(ZEROS)
  continued.restore(Uint32Array.of(1, 3, 2))
  expect(kept.resume({ id: 'd', changes: 3 }, continued)).toBe(true)
  expect([continued.undoable, continued.repeatable]).toEqual(['Brush', 'Fill'])
  continued.undo()
  expect([...continued.volume.data]).toEqual([...ZEROS])
  expect(kept.resume({ id: 'd', changes: 3 }, editorOf(ZEROS))).toBe(false) // only once
  kept.keep({ id: 'd' }, 3, first)
  expect(kept.resume({ id: 'd', changes: 4 }, editorOf(ZEROS))).toBe(false)
  kept.keep({ id: 'd' }, 3, first)
  expect(kept.resume({ id: 'other', changes: 3 }, editorOf(ZEROS))).toBe(false)
})

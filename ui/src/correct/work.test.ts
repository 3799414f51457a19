import { expect, it } from 'vitest'
import { Editor } from './editor'
import { volumeOf } from './operations/pictures'
import { Work } from './work'

const EDIT = [{ slot: 1, runs: Uint32Array.of(0, 2) }]

it('what is done aside stops nothing, and waits for a stroke and for other work', async () => {
  const said: string[] = []
  const editor = new Editor(volumeOf([['......']]))
  const events = { began: () => {}, changed: () => {}, failed: () => {} }
  const work = new Work(editor, { ...events, say: (text) => said.push(text) }, String)
  let applied = false
  const edits = Promise.resolve(() => {
    applied = true
    return EDIT
  })
  editor.begin('Brush')
  const aside = work.apply({ name: 'Assistant', cancel: null, since: 0, aside: true }, edits)
  await edits
  await Promise.resolve()
  expect([work.busy, work.running.length, applied]).toEqual([false, 1, false])
  editor.extend([{ slot: 2, runs: Uint32Array.of(4, 1) }])
  let finish = (_: null): void => {}
  const other = new Promise<null>((done) => {
    finish = done
  })
  const blocking = work.apply(
    { name: 'Smooth', cancel: () => finish(null), since: 0, aside: false },
    other,
  )
  expect(editor.end()).toBe(true)
  await Promise.resolve()
  expect([work.busy, applied]).toEqual([true, false])
  work.cancel() // what the reader cannot go on without
  expect([await blocking, await aside]).toEqual([false, true])
  expect(said).toEqual(['Smooth: cancelled.'])
  expect([...editor.volume.data]).toEqual([1, 1, 0, 0, 2, 0])
  expect([editor.undo(), editor.undo(), work.running.length]).toEqual(['Assistant', 'Brush', 0])
})

/** Has an operation done in the background, and its result applied as one step. */

import { countText } from '../text'
import { Background, type Task } from './background'
import { slotTable } from './operations/changes'
import type { Outcome } from './operations/orders'
import type { Context } from './tool'

const background = new Background()

/** What the reader should know about what was done. `changed`: whether a voxel changed. */
type Telling = (outcome: Outcome, changed: boolean) => string

/** `task`: null if no voxel has the label, which is said. */
export function order(context: Context, name: string, task: Task | null, telling: Telling): void {
  if (task === null) {
    context.say(`${name}: no voxel is ${context.nameOf(context.slot)}.`)
    return
  }
  const { outcome, cancel } = background.run(context.volume, task)
  const before = context.editor.counts[context.slot]!
  let done: Outcome | null = null
  const edits = outcome.then((result) => {
    done = result
    return result?.edits ?? null
  })
  void context.later(name, edits, cancel).then((changed) => {
    const told = done === null ? '' : telling(done, changed)
    if (changed) context.say(`${name}: ${told || gainText(context, before)}.`)
    else if (told !== '') context.say(`${name}: ${told}.`)
  })
}

/** Whether the chosen label may change now; else says why not. */
export function mayChange(context: Context): boolean {
  if (!context.free) return false
  const locked = context.editor.protection.locked.has(context.slot)
  if (locked) {
    const name = context.nameOf(context.slot)
    context.say(`${name} is locked. Unlock it, or choose another label.`)
  }
  return !locked
}

/** "1,200 voxels more": how many voxels the chosen label gained. */
function gainText(context: Context, before: number): string {
  const gain = context.editor.counts[context.slot]! - before
  if (gain === 0) return 'done'
  return `${countText(Math.abs(gain), 'voxel')} ${gain > 0 ? 'more' : 'fewer'}`
}

/**
 * The slots from which a label that changes its form takes voxels: the background, or the one
 * that alone may be painted over. Brushes take from all that is not locked; a label that grows by
 * itself leaves its neighbours as they are.
 */
export function givingSlots({ editor }: Context): Uint8Array {
  return slotTable([editor.protection.only ?? 0])
}

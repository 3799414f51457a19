/** Has an operation done in the background, and its result applied as one step. */

import { Background, type Task } from './background'
import { gainText, isLarge, TAKE_BACK } from './gain'
import { labelSizeText } from './label_size'
import { slotTable } from './operations/changes'
import type { Outcome } from './operations/orders'
import type { Context } from './tool'

const background = new Background()

/** `warns`: it may be a slip. */
export interface Told {
  text: string
  warns?: boolean
}

/**
 * What the reader should know about what was done; null: how the size of the label changed.
 * `changed`: whether a voxel changed.
 */
type Telling = (outcome: Outcome, changed: boolean) => Told | null

/** `task`: null if no voxel has the label, which is said. */
export function order(
  context: Context,
  name: string,
  task: Task | null,
  telling: Telling = () => null,
): void {
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
    const told = (done && telling(done, changed)) ?? (changed ? gained(context, before) : null)
    if (told !== null) context.say(`${name}: ${told.text}.`, told.warns)
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

/** How the last step changed the chosen label, which had so many voxels. */
export function gained(context: Context, before: number): Told {
  const gain = { before, ...context.editor.lastChange(context.slot) }
  const text = gainText(gain, (voxels) => labelSizeText(voxels, context))
  const warns = isLarge(gain)
  return { text: warns ? `${text}. ${TAKE_BACK}` : text, warns }
}

/**
 * The slots from which a label that changes its form takes voxels: the background, or the one
 * that alone may be painted over. Brushes take from all that is not locked; a label that grows by
 * itself leaves its neighbours as they are.
 */
export function givingSlots({ editor }: Context): Uint8Array {
  return slotTable([editor.protection.only ?? 0])
}

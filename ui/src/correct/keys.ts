/** The keys while a mask is corrected. */

import type { Keys } from '../shortcuts'
import type { Correcting } from './correcting'
import { TOOLS } from './tools'

/** None while nothing is corrected. */
export function keysOf(correcting: Correcting): Keys {
  if (!correcting.open) return {}
  const { hand, choice, brush } = correcting
  const tools = TOOLS.map((tool) => [tool.key, () => hand.take(tool)])
  const labels = choice.choices.slice(0, 9).map((slot, n) => [n + 1, () => choice.choose(slot)])
  return {
    ...(Object.fromEntries([...tools, ...labels]) as Keys),
    '.': () => hand.place(),
    ...(onControl() ? {} : { Enter: () => hand.confirm() }),
    d: () => brush.setBall(!brush.ball),
    l: () => choice.lock(choice.slot, !choice.isLocked(choice.slot)),
    '[': () => brush.resize(-1),
    ']': () => brush.resize(1),
    j: () => correcting.nextChanged(1),
    k: () => correcting.nextChanged(-1),
    ' ': () => correcting.showBefore(true),
    'Mod+z': () => correcting.undo(),
    'Mod+Shift+z': () => correcting.redo(),
    'Mod+y': () => correcting.redo(),
    Escape: () => hand.escape(),
    'Shift+ArrowLeft': () => hand.step(-1, 0),
    'Shift+ArrowRight': () => hand.step(1, 0),
    'Shift+ArrowUp': () => hand.step(0, -1),
    'Shift+ArrowDown': () => hand.step(0, 1),
  }
}

/** Whether Enter is that of the control that has the focus. */
function onControl(): boolean {
  return document.activeElement?.matches('button, a, summary') === true
}

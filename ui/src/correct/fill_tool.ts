/** Fills a connected area by a click. */

import { choiceField } from './fields'
import { nothingText } from './nothing'
import { filledArea, type Refused } from './operations/fill'
import { order } from './ordering'
import { sliceOf, voxelOf } from './spots'
import { fillTask } from './tasks'
import type { Context, Spot, Tool } from './tool'

const NAME = 'Fill'

const REFUSALS: Record<Refused, string> = {
  same: 'the area has this label already',
  open: 'no label encloses this area: it reaches the edge. Close its border first',
}

type Content = 'label' | 'background'
const CONTENTS: Record<Content, string> = {
  label: 'the chosen label',
  background: 'background: erase it',
}
let content: Content = 'label'

function fill(context: Context, spot: Spot): void {
  const { volume, ball, editor } = context
  const at = voxelOf(spot, volume.dims)
  if (at === null) return
  const slot = content === 'label' ? context.slot : 0
  if (ball) {
    const refusal = (refused: Refused | undefined): string =>
      refused === undefined ? '' : REFUSALS[refused]
    order(context, NAME, fillTask(volume, at, slot), ({ refused }) => refusal(refused))
    return
  }
  const edits = filledArea(volume, at, slot, sliceOf(spot))
  if (typeof edits === 'string') context.say(`${NAME}: ${REFUSALS[edits]}.`)
  else if (!editor.apply(edits, NAME)) context.say(nothingText(NAME, context))
}

export const FILL: Tool = {
  id: 'fill',
  name: NAME,
  key: 'p',
  hint: 'A click gives the connected area of one label, or a hole, the chosen label.',
  cursor: 'cross',
  press: fill,
  place: fill,
  controls: () =>
    choiceField('fill-content', 'Fill with', CONTENTS, content, (value) => {
      content = value
    }),
}

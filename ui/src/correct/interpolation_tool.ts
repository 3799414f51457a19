/** Fills the slices between painted ones. */

import { element } from '../element'
import { countText } from '../text'
import { actionButton, choiceField, numberField, row } from './fields'
import type { Interpolation } from './operations/interpolation'
import { mayChange, order } from './ordering'
import { interpolationTask } from './tasks'
import type { Context, Tool } from './tool'

const NAME = 'Interpolate'

const GAPS: Record<Interpolation['between'], string> = {
  painted: 'between slices changed by hand',
  empty: 'all empty slices between',
}
let between: Interpolation['between'] = 'painted'
let most = 10

function interpolate(context: Context): void {
  const axis = context.spot?.slice.axis
  if (axis === undefined || !mayChange(context)) return
  const { volume, editor, slot } = context
  const task = interpolationTask(volume, editor.difference, slot, { axis, most, between })
  order(context, NAME, task, ({ slices = [] }) => {
    const none = 'no slice lies between two others'
    return { text: slices.length === 0 ? none : `${countText(slices.length, 'slice')} filled` }
  })
}

export const INTERPOLATION: Tool = {
  id: 'interpolation',
  name: NAME,
  key: 'n',
  hint: 'Carries changes of some slices over to the slices between them, on the plane that was used last. Enter does it.',
  confirm: (context) => {
    interpolate(context)
    return true
  },
  controls: (context) =>
    element(
      'div.tool-part',
      {},
      choiceField('interpolation-gaps', 'Fill', GAPS, between, (value) => {
        between = value
      }),
      numberField({
        id: 'interpolation-most',
        label: 'At most',
        unit: 'slices in a row',
        value: most,
        least: 1,
        whole: true,
        changed: (value) => {
          most = value
        },
      }).root,
      row(actionButton('interpolate', NAME, () => interpolate(context))),
    ),
}

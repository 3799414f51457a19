/** A brush that paints only voxels with values in a range. */

import { brushEdit, brushTool, depthText } from './brush'
import { runsWithin } from './operations/values'
import type { Context, Spot, Tool } from './tool'
import { RangePicker } from './value_range'

const picker = new RangePicker('threshold')

const BRUSH = brushTool(
  {
    id: 'threshold',
    name: 'Threshold',
    key: 't',
    hint: 'A brush that paints only voxels whose values are like those around the click.',
  },
  (context) => context.slot,
  (context, from, to, slot) => {
    const { runs } = brushEdit(context, from, to, slot)
    const { range } = picker
    return { slot, runs: range === null ? runs.slice(0, 0) : runsWithin(runs, context.scan, range) }
  },
)

/** Begins a stroke in the range of its first place. */
function within(begin: (context: Context, spot: Spot) => void) {
  return (context: Context, spot: Spot): void => {
    if (picker.pick(context, spot) !== null) begin(context, spot)
    else context.say('The scan has no values here.')
  }
}

export const THRESHOLD: Tool = {
  ...BRUSH,
  press: within((context, spot) => BRUSH.press?.(context, spot)),
  mode: (context, spot) => [depthText(context, spot), picker.text].filter(Boolean).join(', '),
  controls: (context) => picker.controls(context),
}

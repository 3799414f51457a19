/** Fills a connected area by a click. */

import { element } from '../element'
import type { Point } from '../schemas'
import { countText } from '../text'
import { choiceField } from './fields'
import { TAKE_BACK } from './gain'
import type { LabelVolume } from './labels'
import { nothingText } from './nothing'
import { filledArea, type Refused } from './operations/fill'
import { axesOf, type Slice } from './operations/slice'
import { order, type Told } from './ordering'
import { perCorrection } from './per_correction'
import { sliceOf, voxelOf } from './spots'
import { fillTask } from './tasks'
import type { Context, Spot, Tool } from './tool'

const NAME = 'Fill'

const REFUSALS: Record<Refused, string> = {
  same: 'the area has this label already',
  open: 'no label encloses this area: it reaches the edge. Close its border first',
}

const BOUND =
  'A click fills all of the clicked label that is connected: on the slice, or in 3D (D). There is no largest size. Background is filled only where labels enclose it.'

type Content = 'label' | 'background'
const CONTENTS: Record<Content, string> = {
  label: 'the chosen label',
  background: 'background: erase it',
}
const settings = perCorrection((): { content: Content } => ({ content: 'label' }))

const HUGE = 0.1 // of the slice, or of the scan: hardly a structure

/** How large the area was, which may be a slip. `slice`: null: in 3D. */
function filledTold({ dims }: LabelVolume, voxels: number, slice: Slice | null): Told {
  const within = sizeOf(dims, slice)
  const text = `${countText(voxels, 'voxel')} filled`
  if (voxels < HUGE * within) return { text }
  const share = Math.round((100 * voxels) / within)
  const of = slice === null ? 'scan' : 'slice'
  return { text: `${text}, ${share} % of the ${of}. ${TAKE_BACK}`, warns: true }
}

/** Voxels of a slice, or of the scan. */
function sizeOf(dims: Point, slice: Slice | null): number {
  const along = slice === null ? [0, 1, 2] : axesOf(slice.axis)
  return along.reduce((product, axis) => product * dims[axis]!, 1)
}

function fill(context: Context, spot: Spot): void {
  const { volume, ball, editor } = context
  const at = voxelOf(spot, volume.dims)
  if (at === null) return
  const slot = settings(context).content === 'label' ? context.slot : 0
  const before = editor.counts[slot]!
  const filled = (slice: Slice | null): Told =>
    filledTold(volume, editor.counts[slot]! - before, slice)
  if (ball) {
    order(context, NAME, fillTask(volume, at, slot), ({ refused }, changed) => {
      if (refused !== undefined) return { text: REFUSALS[refused] }
      return changed ? filled(null) : null
    })
    return
  }
  const slice = sliceOf(spot)
  const edits = filledArea(volume, at, slot, slice)
  if (typeof edits === 'string') context.say(`${NAME}: ${REFUSALS[edits]}.`)
  else if (!editor.apply(edits, NAME)) context.say(nothingText(NAME, context))
  else {
    const { text, warns } = filled(slice)
    context.say(`${NAME}: ${text}.`, warns)
  }
}

export const FILL: Tool = {
  id: 'fill',
  name: NAME,
  key: 'p',
  hint: 'A click gives the connected area of one label, or a hole, the chosen label.',
  cursor: 'cross',
  mode: (context) => {
    const does = settings(context).content === 'label' ? '' : 'erase '
    return `${does}${context.ball ? '3D' : ''}`.trim()
  },
  press: fill,
  controls: (context) => {
    const chosen = settings(context)
    return element(
      'div.tool-part',
      {},
      choiceField('fill-content', 'Fill with', CONTENTS, chosen.content, (value) => {
        chosen.content = value
      }),
      element('p.hint', {}, BOUND),
    )
  },
}

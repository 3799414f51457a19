/** Grows a region from a click, and shows it before it is applied. */

import { element } from '../element'
import { problemOf } from '../requests'
import type { Point } from '../schemas'
import { countText } from '../text'
import type { DrawingSurface } from '../viewer/port'
import { Background, type Running } from './background'
import { actionButton, numberField, row } from './fields'
import { type Edit, voxelsOf } from './labels'
import { nothingText } from './nothing'
import type { Outcome } from './operations/orders'
import { outlineOf, type Segment } from './operations/outline'
import { axesOf, type Slice } from './operations/slice'
import { svg } from './overlay'
import { sliceOf, voxelOf } from './spots'
import { regionTask } from './tasks'
import type { Context, Spot, Tool } from './tool'
import { RangePicker } from './value_range'

const NAME = 'Region'
const PART = 10 // the radius at first, as a part of the scan's diagonal

/** The region on screen, which is not applied yet. */
interface Preview {
  readonly at: Point
  readonly slice: Slice
  /** The label and the dimension that it was made for. */
  slot: number
  ball: boolean
  edit: Edit | null
  /** The region that will replace it. */
  running: Running | null
  /** Whether that is applied as soon as it is there. */
  wanted: boolean
  /** Its borders on slices, by axis and index. */
  outlines: Map<string, Segment[]>
}

const background = new Background()
const picker = new RangePicker('region', (context) => grow(context))
let radius = 0
let of: unknown = null
let preview: Preview | null = null

/** In mm, or pixels, with one digit: half of it on each side is a tenth of the scan. */
function firstRadius({ volume: { dims, spacing } }: Context): number {
  const diagonal = Math.hypot(...dims.map((n, axis) => (n > 1 ? n * spacing[axis]! : 0)))
  return Number((diagonal / PART).toPrecision(1))
}

function follow(context: Context): void {
  if (of === context.volume) return
  of = context.volume
  radius = firstRadius(context)
  forget()
}

function press(context: Context, spot: Spot): void {
  follow(context)
  const at = voxelOf(spot, context.volume.dims)
  if (at === null) return
  if (picker.pick(context, spot) === null) {
    context.say('The scan has no values here.')
    return
  }
  forget()
  const { slot, ball } = context
  preview = {
    ...{ at, slice: sliceOf(spot), slot, ball },
    ...{ edit: null, running: null, wanted: false, outlines: new Map() },
  }
  grow(context)
}

/** Makes the region of the preview anew. */
function grow(context: Context): void {
  const { range } = picker
  const shown = preview
  if (shown === null || range === null || !context.free) return
  const { volume, scan, slot, ball, editor } = context
  const growth = { at: shown.at, range, radius, slice: ball ? null : shown.slice }
  const task = regionTask(volume, scan, slot, growth, editor.allowed(slot))
  const running = background.run(volume, task)
  Object.assign(shown, { slot, ball, running })
  context.say(`${NAME}: working …`)
  running.outcome
    .then((outcome) => {
      if (outcome !== null && preview === shown && shown.running === running) {
        show(context, shown, outcome)
      }
    })
    .catch((error) => tellText(context, problemOf(error).detail))
}

function show(context: Context, shown: Preview, { edits, limited }: Outcome): void {
  const edit = edits[0] ?? null
  Object.assign(shown, { edit, running: null, outlines: new Map() })
  tell(context, limited === true)
  if (shown.wanted) confirm(context)
  context.redraw()
}

function tell(context: Context, limited: boolean): void {
  const edit = preview?.edit ?? null
  if (edit === null) tellText(context, 'No region: the value here is outside the range, or locked.')
  else {
    const ends = limited
      ? ` It ends ${radius} ${context.unit} from the click: raise the largest radius to go on.`
      : ''
    tellText(
      context,
      `${countText(voxelsOf(edit.runs), 'voxel')}.${ends} Enter applies the region.`,
    )
  }
}

function tellText(context: Context, text: string): void {
  context.say(`${NAME}: ${text}`)
}

function confirm(context: Context): boolean {
  if (preview === null || !context.free) return false
  if (preview.running !== null) {
    preview.wanted = true
    return true
  }
  const { edit } = preview
  if (edit === null) return false
  forget()
  if (context.editor.apply([edit], NAME)) context.say(`${NAME}: applied.`)
  else context.say(nothingText(NAME, context))
  context.redraw()
  return true
}

function forget(): boolean {
  const any = preview !== null
  preview?.running?.cancel()
  preview = null
  return any
}

function draw(context: Context, { stored }: DrawingSurface): SVGElement[] {
  if (preview !== null && (preview.slot !== context.slot || preview.ball !== context.ball)) {
    grow(context)
  }
  if (preview?.edit == null || stored === null) return []
  const { volume } = context
  const { axis, index } = stored
  const key = `${axis} ${index}`
  let segments = preview.outlines.get(key)
  if (segments === undefined) {
    segments = outlineOf(preview.edit.runs, volume.dims, { axis, index })
    preview.outlines.set(key, segments)
  }
  const [u, v] = axesOf(axis)
  const pixel = (a: number, b: number): string => {
    const voxel: Point = [index, index, index]
    voxel[u] = a
    voxel[v] = b
    const { x, y } = stored.toPixel(voxel)
    return `${x.toFixed(1)} ${y.toFixed(1)}`
  }
  const d = segments.map(([a, b, c, e]) => `M${pixel(a, b)}L${pixel(c, e)}`).join('')
  return ['halo', 'ring'].map((role) => svg('path', { class: role, d }))
}

export const REGION: Tool = {
  id: 'region',
  name: NAME,
  key: 'r',
  hint: 'A click finds the connected voxels with similar values; Enter applies them.',
  cursor: 'cross',
  mode: ({ ball }) => [ball ? '3D' : '', picker.text].filter(Boolean).join(', '),
  press,
  confirm,
  cancel: (context) => {
    const any = forget()
    context.redraw()
    return any
  },
  draw,
  controls: (context) => {
    follow(context)
    const size = numberField({
      id: 'region-radius',
      label: 'Largest radius',
      unit: context.unit,
      value: radius,
      least: 0,
      changed: (value) => {
        radius = value
        grow(context)
      },
    })
    const apply = actionButton('region-apply', 'Apply', () => confirm(context))
    return element('div.tool-part', {}, picker.controls(context), size.root, row(apply))
  },
}

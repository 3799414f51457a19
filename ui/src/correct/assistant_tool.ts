/** The assistant: strokes say what belongs to the label, and the gateway refines it around them. */

import * as api from '../api'
import { element } from '../element'
import type { Point } from '../schemas'
import type { DrawingSurface } from '../viewer/port'
import {
  boxAround,
  editsOf,
  givenUp,
  marginOf,
  request,
  type Scribble,
  slotsUnder,
  unlessChanged,
} from './assistance'
import { sameSlice } from './brush'
import { actionButton, choiceField, type NumberField, numberField, row } from './fields'
import type { VoxelBox } from './labels'
import { nothingText } from './nothing'
import { cropped } from './operations/crop'
import { leakText, outcomeOf, outcomeText } from './outcome'
import { svg } from './overlay'
import { perCorrection } from './per_correction'
import { discStroke } from './stroke'
import type { Context, Spot, Tool } from './tool'
import { pack, read } from './wire'

const NAME = 'Assistant'
const CANCELLED = `${NAME}: cancelled.`
const WIDTH = 0.75 // radius of a stroke, in sides of the smallest voxel

const MEANINGS = {
  auto: 'adds; on the label: removes',
  add: 'belongs to the label',
  remove: 'does not belong to it',
}
type Meaning = keyof typeof MEANINGS

const settings = perCorrection((): { meaning: Meaning } => ({ meaning: 'auto' }))
let scribbles: Scribble[] = []
let drawing: { scribble: Scribble; last: Spot } | null = null
/** Ends the wait for an answer to these strokes. */
let waiting: AbortController | null = null
/** What the strokes are about: with another label or scan, they are forgotten. */
let about: { volume: unknown; slot: number } | null = null
/** The margin of the box in mm that the reader has chosen; null: that of the strokes. */
let margin: number | null = null
let field: NumberField | null = null

function follow({ volume, slot }: Context): void {
  if (about?.volume === volume && about.slot === slot) return
  about = { volume, slot }
  forget()
  margin = null
}

/** Forgets the strokes; an answer to them is still applied. */
function forget(): boolean {
  const any = scribbles.length > 0
  scribbles = []
  drawing = null
  waiting = null
  return any
}

function cancel(context: Context): boolean {
  waiting?.abort()
  if (waiting !== null) context.say(CANCELLED)
  const any = forget()
  context.redraw()
  return any
}

function press(context: Context, spot: Spot): void {
  follow(context)
  const { meaning } = settings(context)
  const scribble: Scribble = {
    foreground: meaning === 'auto' ? !isOnLabel(context, spot) : meaning === 'add',
    axis: spot.slice.axis,
    index: spot.slice.index,
    line: [],
    runs: [],
    over: [],
  }
  drawing = { scribble, last: spot }
  scribbles = [...scribbles, scribble]
  extend(context, spot)
}

function drag(context: Context, spots: readonly Spot[]): void {
  for (const spot of spots) {
    if (drawing !== null && sameSlice(drawing.last, spot)) extend(context, spot)
  }
  context.redraw()
}

function extend({ volume }: Context, spot: Spot): void {
  const { scribble, last } = drawing!
  const finest = Math.min(...volume.spacing.filter((_, axis) => axis !== scribble.axis))
  const { voxel } = spot
  scribble.runs.push(discStroke(volume, scribble.axis, last.voxel, voxel, WIDTH * finest))
  scribble.line.push(voxel)
  drawing!.last = spot
}

function release(context: Context): void {
  if (drawing === null) return
  const { scribble } = drawing
  scribble.over = slotsUnder(context.volume, scribble.runs)
  drawing = null
  scribbles = scribbles.filter(({ runs }) => runs.some((part) => part.length > 0))
  if (scribbles.length > 0) void ask(context)
}

/** Sends all strokes, also those that wait for an answer; a failure takes back the last one. */
async function ask(context: Context): Promise<void> {
  const { volume, slot, job } = context
  field?.show(margin ?? marginOf(scribbles, volume))
  const box = boxOf(context)
  const asked = scribbles
  waiting?.abort()
  const wait = new AbortController()
  waiting = wait
  const { signal } = wait
  const before = cropped(volume, box)
  let old = before
  let failed = false
  const takeBack = (): void => {
    if (scribbles === asked) scribbles = asked.slice(0, -1)
  }
  context.say(`${NAME}: working. You can go on meanwhile.`)
  const answer = pack(request(volume, slot, asked, box))
    .then((body) => api.assistance(job, box, body, signal))
    .then((runs) => () => {
      if (signal.aborted) return []
      old = cropped(volume, box)
      const free = givenUp(asked).add(slot)
      return unlessChanged(editsOf(read(runs), slot), volume, box, before, free)
    })
    .catch((error: unknown) => {
      takeBack()
      if (signal.aborted) return null
      failed = true
      throw error
    })
  const changed = await context.aside(NAME, answer, () => {
    wait.abort()
    takeBack()
    context.say(CANCELLED)
  })
  if (waiting === wait) waiting = null
  if (changed) {
    const { axis, foreground, runs } = asked.at(-1)!
    const outcome = outcomeOf(old, cropped(volume, box), slot, axis)
    const more = foreground ? '' : leakText(outcome, runs)
    context.say(doneText(outcomeText(outcome, context.nameOf(slot)) + more, scribbles === asked))
  } else if (!signal.aborted) context.say(failed ? '' : nothingText(NAME, context))
  context.redraw()
}

/** `counting`: whether the strokes still count. */
function doneText(outcome: string, counting: boolean): string {
  return `${NAME}: ${outcome}${counting ? ' The next stroke refines it; Enter keeps it.' : ''}`
}

/**
 * What the stroke does, as its first voxel decides; else whether an answer is awaited, or what the
 * reader has chosen for all strokes.
 */
function modeText(context: Context): string {
  if (drawing !== null) return strokeText(context, drawing.scribble.foreground)
  if (waiting !== null) return 'working …'
  const { meaning } = settings(context)
  return meaning === 'auto' ? '' : strokeText(context, meaning === 'add')
}

function strokeText(context: Context, adds: boolean): string {
  const name = context.nameOf(context.slot)
  return adds ? `+ adds to ${name}` : `− removes from ${name}`
}

function boxOf({ volume }: Context): VoxelBox {
  return boxAround(scribbles, volume, margin ?? marginOf(scribbles, volume))
}

function isOnLabel({ volume: { data, dims }, slot }: Context, { voxel }: Spot): boolean {
  const [i, j, k] = voxel.map(Math.round) as Point
  return data[i + dims[0] * (j + dims[1] * k)] === slot
}

/** Forgets the strokes; what they changed stays. */
function keep(context: Context): boolean {
  const any = forget()
  if (any) context.say(`${NAME}: kept. The next stroke begins anew.`)
  context.redraw()
  return any
}

function draw(context: Context, { stored }: DrawingSurface): SVGElement[] {
  if (stored === null || scribbles.length === 0 || about?.slot !== context.slot) return []
  const { axis, index, toPixel } = stored
  const path = (points: readonly Point[], end = ''): string => {
    const at = points.map(toPixel).map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)
    return `M${at.join('L')}${at.length === 1 ? 'h.01' : end}`
  }
  const lines = scribbles
    .filter((one) => one.axis === axis && one.index === index)
    .flatMap(({ foreground, line }) => [
      svg('path', { class: 'scribble halo', d: path(line) }),
      svg('path', { class: `scribble ${foreground ? 'adds' : 'removes'}`, d: path(line) }),
    ])
  const { low, high } = boxOf(context)
  if (index < low[axis] || index >= high[axis]) return lines
  const [u, v] = [0, 1, 2].filter((one) => one !== axis) as [number, number]
  const corner = (a: number, b: number): Point => {
    const at: Point = [index, index, index]
    at[u] = a - 0.5
    at[v] = b - 0.5
    return at
  }
  const corners = [
    corner(low[u]!, low[v]!),
    corner(high[u]!, low[v]!),
    corner(high[u]!, high[v]!),
    corner(low[u]!, high[v]!),
  ]
  return [svg('path', { class: 'assistant-box', d: path(corners, 'Z') }), ...lines]
}

export const ASSISTANT: Tool = {
  id: 'assistant',
  name: NAME,
  key: 'a',
  hint: 'Draw a line through a missed part, or through one that does not belong to the label. The longer it is, the farther it reaches.',
  cursor: 'cross',
  press,
  drag,
  release,
  confirm: keep,
  cancel,
  leave: forget,
  mode: modeText,
  draw,
  controls: (context) => {
    follow(context)
    const chosen = settings(context)
    field = numberField({
      id: 'assistant-margin',
      label: 'Box around the strokes',
      unit: context.unit,
      value: margin,
      least: 1,
      changed: (value) => {
        margin = value
        context.redraw()
      },
    })
    const choice = choiceField(
      'assistant-meaning',
      'A stroke',
      MEANINGS,
      chosen.meaning,
      (value) => {
        chosen.meaning = value
      },
    )
    const apply = actionButton('assistant-keep', 'Keep, and begin anew', () => keep(context))
    return element('div.tool-part', {}, choice, field.root, row(apply))
  },
}

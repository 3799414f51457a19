/** Fills or erases what a line drawn on a slice encloses. */

import { element } from '../element'
import { recall, remember } from '../preferences'
import { countText } from '../text'
import type { DrawingSurface } from '../viewer/port'
import { checkField, choiceField, numberField } from './fields'
import { nothingText } from './nothing'
import type { Corner } from './operations/polygon'
import { type Cut, scissored } from './operations/scissors'
import { axesOf, type Slice } from './operations/slice'
import { order } from './ordering'
import { svg } from './overlay'
import { perCorrection } from './per_correction'
import { sliceOf } from './spots'
import { scissorsTask } from './tasks'
import type { Context, Spot, Tool } from './tool'

const NAME = 'Scissors'
const CLICK = 4 // CSS pixels that a press may move and still be a click
const CLOSE = 8 // CSS pixels from the first corner at which a click closes the line
const INSIDE = 'scissors-inside' // preference
const STEP = 2 // CSS pixels between the points of a line drawn by hand

type Inside = 'erase' | 'fill'
const INSIDES: Record<Inside, string> = {
  erase: 'erase the chosen label',
  fill: 'fill with the chosen label',
}

/** How far the cut goes beyond the slice that is drawn on. */
interface Depth {
  /** Slices on each side. */
  beside: number
  /** Whether it goes through all slices. */
  all: boolean
}

/** A line that is not closed yet. */
interface Line {
  slice: Slice
  root: HTMLElement
  corners: Corner[]
  /** Where the button was pressed, while it is. */
  pressed: Spot | null
  /** Whether it is drawn by hand: it ends when the button is released. */
  freehand: boolean
  /** Where the next corner would be. */
  next: Corner | null
  last: Spot
}

let inside: Inside = recall(INSIDE, 'erase') === 'fill' ? 'fill' : 'erase'
export const depths = perCorrection((): Depth => ({ beside: 0, all: false }))
let line: Line | null = null

function cornerOf({ voxel, slice }: Spot): Corner {
  const [u, v] = axesOf(slice.axis)
  return [voxel[u], voxel[v]]
}

function apart(a: Spot, b: Spot): number {
  return Math.hypot(a.at.x - b.at.x, a.at.y - b.at.y)
}

/** Whether a spot is on the slice of the line. */
function onLine(spot: Spot): boolean {
  return (
    line !== null &&
    line.root === spot.surface.root &&
    line.slice.axis === spot.slice.axis &&
    line.slice.index === spot.slice.index
  )
}

function place(context: Context, spot: Spot): void {
  if (line === null || !onLine(spot)) {
    const start = cornerOf(spot)
    line = {
      slice: sliceOf(spot),
      root: spot.surface.root,
      corners: [start],
      pressed: null,
      freehand: false,
      next: null,
      last: spot,
    }
    context.redraw()
    return
  }
  if (closes(spot)) {
    cut(context)
    return
  }
  line.corners.push(cornerOf(spot))
  line.last = spot
  context.redraw()
}

/** A click on the first corner, or a second one on the last. */
function closes(spot: Spot): boolean {
  if (line === null || line.corners.length < 3) return false
  const first = spot.slice.toPixel(voxelOn(line.slice, line.corners[0]!))
  return (
    Math.hypot(first.x - spot.at.x, first.y - spot.at.y) <= CLOSE || apart(line.last, spot) <= CLICK
  )
}

function voxelOn({ axis, index }: Slice, [a, b]: Corner): [number, number, number] {
  const voxel: [number, number, number] = [index, index, index]
  const [u, v] = axesOf(axis)
  voxel[u] = a
  voxel[v] = b
  return voxel
}

function press(context: Context, spot: Spot): void {
  place(context, spot)
  if (line !== null) line.pressed = spot
}

function drag(context: Context, spots: readonly Spot[]): void {
  for (const spot of spots) {
    if (line === null || line.pressed === null || !onLine(spot)) return
    if (!line.freehand && apart(line.pressed, spot) <= CLICK) continue
    line.freehand = true
    if (apart(line.last, spot) < STEP) continue
    line.corners.push(cornerOf(spot))
    line.last = spot
  }
  context.redraw()
}

function release(context: Context): void {
  if (line === null) return
  line.pressed = null
  if (line.freehand) cut(context)
}

function hover(_: Context, spot: Spot): void {
  if (line !== null) line.next = onLine(spot) && line.pressed === null ? cornerOf(spot) : null
}

function cut(context: Context): boolean {
  const drawn = line
  line = null
  context.redraw()
  if (drawn === null) return false
  if (drawn.corners.length < 3) {
    context.say(`${NAME}: the line encloses nothing.`)
    return true
  }
  const { corners, slice } = drawn
  const { all, beside } = depths(context)
  const reach = all ? Number.POSITIVE_INFINITY : beside
  apply(context, { corners, slice, beside: reach, fills: inside === 'fill' })
  return true
}

function apply(context: Context, cut: Cut): void {
  if (cut.beside > 0) {
    const task = scissorsTask(context.volume, context.slot, cut)
    if (task === null) context.say(`${NAME}: the line is beside the scan.`)
    else order(context, NAME, task)
    return
  }
  const edits = scissored(context.volume, context.slot, cut)
  if (!context.editor.apply(edits, NAME)) context.say(nothingText(NAME, context))
}

/** Beside the pointer, because the other slices are not seen. */
function reachText(context: Context): string {
  const { all, beside } = depths(context)
  if (all && context.volume.dims[2] > 1) return ', all slices'
  return beside === 0 ? '' : `, ±${countText(beside, 'slice')}`
}

function draw(_: Context, { root, stored }: DrawingSurface): SVGElement[] {
  if (line === null || stored === null || root !== line.root) return []
  const { slice, corners, next } = line
  if (stored.axis !== slice.axis || stored.index !== slice.index) return []
  const at = [...corners, ...(next === null ? [] : [next])].map((corner) =>
    stored.toPixel(voxelOn(slice, corner)),
  )
  const points = at.map(({ x, y }) => `${x},${y}`).join(' ')
  const first = svg('circle', { class: 'ring', cx: at[0]!.x, cy: at[0]!.y, r: 4 })
  return [
    svg('polygon', { class: 'lasso-area', points }),
    svg('polygon', { class: 'halo', points }),
    svg('polygon', { class: 'ring lasso', points }),
    ...(line.freehand ? [] : [first]),
  ]
}

export const SCISSORS: Tool = {
  id: 'scissors',
  name: NAME,
  key: 'c',
  hint: 'Draw around an area, or click its corners and press Enter.',
  cursor: 'cross',
  mode: (context) => `${inside} ${context.nameOf(context.slot)}${reachText(context)}`,
  press,
  drag,
  release,
  hover,
  place,
  draw,
  confirm: cut,
  cancel: () => {
    const any = line !== null
    line = null
    return any
  },
  controls: (context) => {
    const depth = depths(context)
    const what = choiceField('scissors-inside', 'Inside', INSIDES, inside, (value) => {
      inside = value
      remember(INSIDE, value)
    })
    if (context.volume.dims[2] === 1) return what
    const slices = numberField({
      id: 'scissors-beside',
      label: 'Also on',
      unit: 'slices on each side',
      value: depth.beside,
      least: 0,
      whole: true,
      changed: (value) => {
        depth.beside = value
      },
    })
    const through = checkField('scissors-all', 'Through all slices', depth.all, (on) => {
      depth.all = on
    })
    return element('div.tool-part', {}, what, slices.root, through.root)
  },
}

/** Changes the shape of the whole label: islands, holes, its surface and its size. */

import { element } from '../element'
import { actionButton, choiceField, numberField, row } from './fields'
import { givingSlots, mayChange, order } from './ordering'
import { type LabelOrder, labelTask } from './tasks'
import type { Context, Tool } from './tool'

type Holes = 'slices' | 'volume'
const HOLES: Record<Holes, string> = {
  slices: 'on each slice',
  volume: 'in 3D',
}

/** What the reader has set for a scan, in mm or pixels. */
interface Sizes {
  smallest: number
  smooth: number
  by: number
}

const MOST = { smooth: 20, by: 30 } // mm or pixels

let holes: Holes = 'slices'
let sizes: Sizes = { smallest: 0, smooth: 0, by: 0 }
let of: unknown = null

/** One voxel for growing, and twice as much for the rest, in round numbers. */
function firstSizes(context: Context): Sizes {
  const [x, y] = context.volume.spacing
  const finest = Number(Math.min(x, y).toPrecision(2))
  return {
    smallest: Number((100 * voxelSize(context)).toPrecision(1)),
    smooth: 2 * finest,
    by: finest,
  }
}

/** mm³ of a volume; mm² or pixels of an image. */
function voxelSize({ volume: { dims, spacing } }: Context): number {
  return spacing[0] * spacing[1] * (dims[2] > 1 ? spacing[2] : 1)
}

function sizeUnit({ unit, volume }: Context): string {
  return unit === 'px' ? 'pixels' : volume.dims[2] > 1 ? 'mm³' : 'mm²'
}

function change(context: Context, name: string, labelOrder: LabelOrder): void {
  if (!mayChange(context)) return
  order(context, name, labelTask(context.volume, context.slot, labelOrder))
}

function fillHoles(context: Context): void {
  const flat = context.volume.dims[2] === 1
  const axis = flat ? 2 : holes === 'volume' ? null : context.spot?.slice.axis
  if (axis === undefined) return
  change(context, 'Fill holes', { kind: 'holes', axis, over: givingSlots(context) })
}

function resize(context: Context, name: string, mm: number): void {
  change(context, name, { kind: 'resize', mm, over: givingSlots(context) })
}

function islandRows(context: Context): HTMLElement[] {
  const smallest = numberField({
    id: 'islands-smallest',
    label: 'Parts below',
    unit: sizeUnit(context),
    value: sizes.smallest,
    least: 0,
    changed: (value) => {
      sizes.smallest = value
    },
  })
  const remove = (kept: 'largest' | number): void =>
    change(context, 'Remove islands', { kind: 'islands', kept })
  return [
    row(actionButton('keep-largest', 'Keep the largest part', () => remove('largest'))),
    row(
      smallest.root,
      actionButton('remove-islands', 'Remove', () =>
        remove(Math.ceil(sizes.smallest / voxelSize(context) - 1e-6)),
      ),
    ),
  ]
}

function holesRow(context: Context): HTMLElement {
  const button = actionButton('fill-holes', 'Fill holes', () => fillHoles(context))
  if (context.volume.dims[2] === 1) return row(button)
  const where = choiceField('holes-where', 'Holes', HOLES, holes, (value) => {
    holes = value
  })
  return row(where, button)
}

function surfaceRows(context: Context): HTMLElement[] {
  const field = (id: string, label: string, size: 'smooth' | 'by'): HTMLElement =>
    numberField({
      id,
      label,
      unit: context.unit,
      value: sizes[size],
      least: 0,
      most: MOST[size],
      changed: (value) => {
        sizes[size] = value
      },
    }).root
  const smooth = (): void =>
    change(context, 'Smooth', { kind: 'smooth', mm: sizes.smooth, over: givingSlots(context) })
  return [
    row(field('smooth-size', 'Smooth by', 'smooth'), actionButton('smooth', 'Smooth', smooth)),
    row(
      field('resize-by', 'By', 'by'),
      actionButton('grow', 'Grow', () => resize(context, 'Grow', sizes.by)),
      actionButton('shrink', 'Shrink', () => resize(context, 'Shrink', -sizes.by)),
    ),
  ]
}

export const SHAPE: Tool = {
  id: 'shape',
  name: 'Shape',
  key: 'h',
  hint: 'Removes islands, fills holes, smooths, grows or shrinks the chosen label.',
  controls: (context) => {
    if (of !== context.volume) {
      of = context.volume
      sizes = firstSizes(context)
    }
    return element(
      'div.tool-part',
      {},
      ...islandRows(context),
      holesRow(context),
      ...surfaceRows(context),
    )
  },
}

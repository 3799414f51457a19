/** Which part of the labels an operation needs. */

import type { Point } from '../schemas'
import type { Task } from './background'
import type { Difference } from './difference'
import type { LabelVolume, VoxelBox } from './labels'
import { boxOf, cropped, croppedValues, sizeOf, widened } from './operations/crop'
import type { Interpolation } from './operations/interpolation'
import type { Order } from './operations/orders'
import { boxOfGrowth, type Growth } from './operations/region'
import * as resize from './operations/resize'
import type { Cut } from './operations/scissors'
import { axesOf } from './operations/slice'
import * as smooth from './operations/smooth'
import type { Values } from './operations/values'

/** Orders that need nothing but the label and what is around it. */
export type LabelOrder = Extract<Order, { kind: 'islands' | 'holes' | 'smooth' | 'resize' }>

/** Null if no voxel has the label. */
export function labelTask(volume: LabelVolume, slot: number, order: LabelOrder): Task | null {
  const box = boxOf(volume, slot)
  if (box === null) return null
  return { box: widened(box, marginOf(order, volume.spacing), volume.dims), slot, order }
}

/** Voxels around the label on which the result depends; at least one, which is outside of it. */
function marginOf(order: LabelOrder, spacing: Point): Point {
  const reach =
    order.kind === 'smooth'
      ? smooth.reachOf(order.mm, spacing)
      : order.kind === 'resize'
        ? resize.reachOf(Math.max(0, order.mm), spacing)
        : [0, 0, 0]
  return reach.map((n) => Math.max(1, n)) as Point
}

/** Fills in 3D around a voxel. */
export function fillTask(volume: LabelVolume, at: Point, slot: number): Task {
  const { dims, data } = volume
  const old = data[at[0] + dims[0] * (at[1] + dims[1] * at[2])]!
  // open background reaches the edge of the scan, wherever that is
  const all: VoxelBox = { low: [0, 0, 0], high: [...dims] }
  const box = old === 0 ? all : boxOf(volume, old)!
  return { box, slot, order: { kind: 'fill', at: within(at, box) } }
}

/** The slices that a cut passes through, around what was drawn; null if that is beside the scan. */
export function scissorsTask({ dims }: LabelVolume, slot: number, cut: Cut): Task | null {
  const { axis, index } = cut.slice
  const box: VoxelBox = { low: [0, 0, 0], high: [...dims] }
  box.low[axis] = Math.max(0, index - cut.beside)
  box.high[axis] = Math.min(dims[axis], index + cut.beside + 1)
  for (const [n, along] of axesOf(axis).entries()) {
    const all = cut.corners.map((corner) => corner[n]!)
    box.low[along] = Math.max(0, Math.floor(Math.min(...all)))
    box.high[along] = Math.min(dims[along], Math.ceil(Math.max(...all)) + 1)
  }
  if (sizeOf(box).some((n) => n <= 0)) return null
  const [u, v] = axesOf(axis)
  const corners = cut.corners.map(([a, b]) => [a - box.low[u], b - box.low[v]] as const)
  const part = { ...cut, corners, slice: { axis, index: index - box.low[axis] } }
  return { box, slot, order: { kind: 'scissors', cut: part } }
}

export function regionTask(
  volume: LabelVolume,
  values: Values,
  slot: number,
  growth: Growth,
  over: Uint8Array,
): Task {
  const box = boxOfGrowth(growth, volume)
  const { slice } = growth
  const part: Growth = {
    ...growth,
    at: within(growth.at, box),
    slice: slice === null ? null : { ...slice, index: slice.index - box.low[slice.axis] },
  }
  const near = croppedValues(values, volume.dims, box)
  return { box, slot, order: { kind: 'region', values: near, growth: part, over } }
}

/** Null if the label is nowhere, now and at the beginning. */
export function interpolationTask(
  volume: LabelVolume,
  difference: Difference,
  slot: number,
  interpolation: Interpolation,
): Task | null {
  const around = union(boxOf(volume, slot), boxBefore(volume, difference, slot))
  if (around === null) return null
  const box = widened(around, [1, 1, 1], volume.dims)
  const base = cropped(volume, box)
  restore(base.data, volume.dims, difference, box)
  return { box, slot, order: { kind: 'interpolation', base: base.data, interpolation } }
}

/** The box around the label at the beginning, on the slices that differ. */
function boxBefore({ dims, spacing }: LabelVolume, difference: Difference, slot: number) {
  let around: VoxelBox | null = null
  for (const k of difference.slices) {
    const page = { data: difference.pageBefore(k)!, dims: [dims[0], dims[1], 1] as Point, spacing }
    const box = boxOf(page, slot)
    if (box === null) continue
    box.low[2] += k
    box.high[2] += k
    around = union(around, box)
  }
  return around
}

/** Brings the labels in a box to what they were at the beginning. */
function restore(data: Uint8Array, [ni]: Point, difference: Difference, box: VoxelBox): void {
  const [mi, mj] = sizeOf(box)
  for (const k of difference.slices) {
    if (k < box.low[2] || k >= box.high[2]) continue
    const page = difference.pageBefore(k)!
    for (let j = 0; j < mj; j++) {
      const from = box.low[0] + ni * (box.low[1] + j)
      data.set(page.subarray(from, from + mi), mi * (j + mj * (k - box.low[2])))
    }
  }
}

function union(a: VoxelBox | null, b: VoxelBox | null): VoxelBox | null {
  if (a === null || b === null) return a ?? b
  return {
    low: a.low.map((n, axis) => Math.min(n, b.low[axis]!)) as Point,
    high: a.high.map((n, axis) => Math.max(n, b.high[axis]!)) as Point,
  }
}

function within(at: Point, { low }: VoxelBox): Point {
  return at.map((n, axis) => n - low[axis]!) as Point
}

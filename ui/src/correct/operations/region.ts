/** Grows a region from a voxel over its neighbours with similar values. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume, VoxelBox } from '../labels'
import { slotTable } from './changes'
import { componentsOf, partAt, runsOfParts } from './components'
import { cropped, croppedValues, uncropped, widened } from './crop'
import type { Slice } from './slice'
import { type Valued, type ValueRange, type Values, valueAt } from './values'

export interface Growth {
  at: Point
  range: ValueRange
  /** The region stays within this distance of its first voxel, in mm. */
  radius: number
  /** The slice on which it stays; null: 3D. */
  slice: Slice | null
}

export interface Region {
  edit: Edit
  voxels: number
  /** Whether it would go on beyond the radius. */
  limited: boolean
}

/** The part of the scan on which a region depends. */
export function boxOfGrowth(
  { at, radius, slice }: Growth,
  { dims, spacing }: LabelVolume,
): VoxelBox {
  const margin = spacing.map((step, axis) => {
    return slice?.axis === axis ? 0 : Math.floor(radius / step) + 1
  }) as Point
  return widened({ low: at, high: at.map((n) => n + 1) as Point }, margin, dims)
}

/**
 * The voxels connected by faces with the first one, of which each has a value in the range, and a
 * slot in the table `over` or the slot itself: a region does not pass through what is protected.
 * Null if the first voxel is none of them.
 */
export function grownRegion(
  { volume, values }: Valued,
  slot: number,
  growth: Growth,
  over: Uint8Array,
): Region | null {
  const box = boxOfGrowth(growth, volume)
  const part = cropped(volume, box)
  const at = growth.at.map((n, axis) => n - box.low[axis]!) as Point
  const passable = over.slice()
  passable[slot] = 1
  mark(part, croppedValues(values, volume.dims, box), { ...growth, at }, passable)
  const all = componentsOf(part, slotTable([INSIDE]))
  const first = partAt(all, at[0] + part.dims[0] * (at[1] + part.dims[1] * at[2]))
  if (first < 0) return null
  const runs = runsOfParts(all, (one) => one === first)
  const [edit] = uncropped([{ slot, runs }], box, volume.dims)
  return { edit: edit!, voxels: all.sizes[first]!, limited: touches(part, runs) }
}

const OUTSIDE = 0
const INSIDE = 1
const BEYOND = 2 // as good as the others, but too far away

/** Replaces the labels by what a voxel is for the region. */
function mark(
  { data, dims, spacing }: LabelVolume,
  values: Values,
  { at, range, radius }: Growth,
  passable: Uint8Array,
): void {
  for (let k = 0, n = 0; k < dims[2]; k++) {
    for (let j = 0; j < dims[1]; j++) {
      const apart = ((j - at[1]) * spacing[1]) ** 2 + ((k - at[2]) * spacing[2]) ** 2
      for (let i = 0; i < dims[0]; i++, n++) {
        const value = valueAt(values, n)
        const good = passable[data[n]!] === 1 && value >= range.low && value <= range.high
        const far = ((i - at[0]) * spacing[0]) ** 2 + apart > radius * radius * (1 + 1e-9)
        data[n] = good ? (far ? BEYOND : INSIDE) : OUTSIDE
      }
    }
  }
}

/** Whether a neighbour of these voxels is beyond the radius. */
function touches({ data, dims: [ni, nj] }: LabelVolume, runs: Uint32Array): boolean {
  const slice = ni * nj
  for (let n = 0; n < runs.length; n += 2) {
    const end = runs[n]! + runs[n + 1]!
    for (let at = runs[n]!; at < end; at++) {
      const [i, row] = [at % ni, Math.floor(at / ni) % nj]
      if (i > 0 && data[at - 1] === BEYOND) return true
      if (i < ni - 1 && data[at + 1] === BEYOND) return true
      if (row > 0 && data[at - ni] === BEYOND) return true
      if (row < nj - 1 && data[at + ni] === BEYOND) return true
      if (data[at - slice] === BEYOND || data[at + slice] === BEYOND) return true
    }
  }
  return false
}

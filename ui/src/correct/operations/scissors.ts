/** Fills or erases what a line drawn on a slice encloses, on several slices if wanted. */

import type { Point } from '../../schemas'
import { type Edit, type LabelVolume, Runs, type VoxelBox } from '../labels'
import { withoutEmpty } from './changes'
import { type Corner, rowsInside } from './polygon'
import { axesOf, layoutOf, type Slice } from './slice'

export interface Cut {
  corners: readonly Corner[]
  /** The slice on which was drawn. */
  slice: Slice
  /** How many slices on each side are cut as well; Infinity: all. */
  beside: number
  /** Whether the inside gets the slot; else voxels of the slot inside become background. */
  fills: boolean
}

export function scissored(volume: LabelVolume, slot: number, cut: Cut): Edit[] {
  const { data, dims } = volume
  const { inside, low, high } = areaOf(cut, dims)
  const [pi, pj, pk] = stridesOf(cut.slice.axis, dims)
  const runs = new Runs()
  for (let k = low[2]; k < high[2]; k++) {
    for (let j = low[1]; j < high[1]; j++) {
      const row = dims[0] * (j + dims[1] * k)
      const from = pj * j + pk * k
      for (let i = low[0]; i < high[0]; i++) {
        if (inside[from + pi * i] === 1 && (data[row + i] === slot) !== cut.fills) {
          runs.add(row + i, 1)
        }
      }
    }
  }
  return withoutEmpty([{ slot: cut.fills ? slot : 0, runs: runs.toArray() }])
}

/** The voxels inside on the slice, and the box that is cut. */
function areaOf({ corners, slice, beside }: Cut, dims: Point): VoxelBox & { inside: Uint8Array } {
  const { nu, nv } = layoutOf(dims, slice)
  const [u, v] = axesOf(slice.axis)
  const inside = new Uint8Array(nu * nv)
  const low: Point = [...dims]
  const high: Point = [0, 0, 0]
  low[slice.axis] = Math.max(0, slice.index - beside)
  high[slice.axis] = Math.min(dims[slice.axis], slice.index + beside + 1)
  for (const [row, ranges] of rowsInside(corners, nu, nv)) {
    low[v] = Math.min(low[v], row)
    high[v] = Math.max(high[v], row + 1)
    for (const [first, last] of ranges) {
      low[u] = Math.min(low[u], first)
      high[u] = Math.max(high[u], last + 1)
      inside.fill(1, row * nu + first, row * nu + last + 1)
    }
  }
  return { inside, low, high }
}

/** How far the voxel's place on a slice moves with i, j and k. */
function stridesOf(axis: Slice['axis'], [ni, nj]: Point): Point {
  return axis === 0 ? [0, 1, nj] : axis === 1 ? [1, 0, ni] : [1, ni, 0]
}

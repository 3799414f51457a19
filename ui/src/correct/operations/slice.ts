/** One stored slice of a grid, along any of its axes. */

import type { Point } from '../../schemas'
import { type Edit, type LabelVolume, Runs } from '../labels'

export type Axis = 0 | 1 | 2

export interface Slice {
  axis: Axis
  index: number
}

/** The voxel (u, v) of a slice has the flat index start + u * du + v * dv; u is the faster axis. */
export interface SliceLayout {
  nu: number
  nv: number
  start: number
  du: number
  dv: number
}

/** The axes u and v of a slice. */
export function axesOf(axis: Axis): [Axis, Axis] {
  return axis === 0 ? [1, 2] : axis === 1 ? [0, 2] : [0, 1]
}

export function layoutOf(dims: Point, { axis, index }: Slice): SliceLayout {
  const strides = [1, dims[0], dims[0] * dims[1]]
  const [u, v] = axesOf(axis)
  return {
    nu: dims[u],
    nv: dims[v],
    start: index * strides[axis]!,
    du: strides[u]!,
    dv: strides[v]!,
  }
}

/** A copy of a slice as a grid of its own, (nu, nv, 1). */
export function sliceOf({ data, dims, spacing }: LabelVolume, slice: Slice): LabelVolume {
  const { nu, nv, start, du, dv } = layoutOf(dims, slice)
  const [u, v] = axesOf(slice.axis)
  const copy = new Uint8Array(nu * nv)
  for (let b = 0, to = 0; b < nv; b++) {
    for (let a = 0, at = start + b * dv; a < nu; a++, at += du) copy[to++] = data[at]!
  }
  return { data: copy, dims: [nu, nv, 1], spacing: [spacing[u], spacing[v], spacing[slice.axis]] }
}

/** Collects voxels of slices in any order, and gives them in that of the grid. */
export class Marks {
  private readonly marked: Uint8Array

  constructor(private readonly dims: Point) {
    this.marked = new Uint8Array(dims[0] * dims[1] * dims[2])
  }

  /** Runs of a copy of a slice. */
  add(runs: Uint32Array, slice: Slice): void {
    const { nu, start, du, dv } = layoutOf(this.dims, slice)
    for (let n = 0; n < runs.length; n += 2) {
      const end = runs[n]! + runs[n + 1]!
      for (let at = runs[n]!; at < end; at++) {
        this.marked[start + (at % nu) * du + Math.floor(at / nu) * dv] = 1
      }
    }
  }

  runs(): Uint32Array {
    const { marked } = this
    const runs = new Runs()
    for (let at = marked.indexOf(1); at >= 0; at = marked.indexOf(1, at + 1)) runs.add(at, 1)
    return runs.toArray()
  }
}

/** Edits of a copy of a slice as edits of the grid from which it was taken. */
export function fromSlice(edits: readonly Edit[], dims: Point, slice: Slice): Edit[] {
  const { nu, start, du, dv } = layoutOf(dims, slice)
  return edits.map(({ slot, runs }) => {
    const whole = new Runs()
    for (let n = 0; n < runs.length; n += 2) {
      const end = runs[n]! + runs[n + 1]!
      for (let at = runs[n]!; at < end; at++) {
        whole.add(start + (at % nu) * du + Math.floor(at / nu) * dv, 1)
      }
    }
    return { slot, runs: whole.toArray() }
  })
}

/** A part of the labels as labels of their own, and the changes to it as changes to the whole. */

import type { Point } from '../../schemas'
import { type Edit, type LabelVolume, Runs, type VoxelBox } from '../labels'
import type { Values } from './values'

/** The box around a slot's voxels; null without any. */
export function boxOf({ data, dims: [ni, nj] }: LabelVolume, slot: number): VoxelBox | null {
  const low: Point = [Infinity, Infinity, Infinity]
  const high: Point = [0, 0, 0]
  let at = data.indexOf(slot)
  while (at >= 0) {
    const row = Math.floor(at / ni)
    const last = data.lastIndexOf(slot, (row + 1) * ni - 1)
    const [j, k] = [row % nj, Math.floor(row / nj)]
    low[0] = Math.min(low[0], at % ni)
    high[0] = Math.max(high[0], (last % ni) + 1)
    low[1] = Math.min(low[1], j)
    high[1] = Math.max(high[1], j + 1)
    low[2] = Math.min(low[2], k)
    high[2] = k + 1
    at = data.indexOf(slot, (row + 1) * ni)
  }
  return high[2] === 0 ? null : { low, high }
}

/** A box with so many voxels more on each side, as far as the grid reaches. */
export function widened({ low, high }: VoxelBox, margin: Point, dims: Point): VoxelBox {
  return {
    low: low.map((n, axis) => Math.max(0, n - margin[axis]!)) as Point,
    high: high.map((n, axis) => Math.min(dims[axis]!, n + margin[axis]!)) as Point,
  }
}

export function sizeOf({ low, high }: VoxelBox): Point {
  return high.map((n, axis) => n - low[axis]!) as Point
}

/** A copy of the labels in a box. */
export function cropped({ data, dims, spacing }: LabelVolume, box: VoxelBox): LabelVolume {
  return { data: croppedData(data, dims, box), dims: sizeOf(box), spacing }
}

/** A copy of the numbers in a box; `components`: numbers of a voxel. */
export function croppedData<T extends { subarray(from: number, to: number): T }>(
  data: T & { constructor: unknown },
  dims: Point,
  box: VoxelBox,
  components = 1,
): T {
  const [ni, nj, nk] = sizeOf(box)
  const length = ni * components
  const part = new (
    data.constructor as new (
      length: number,
    ) => T & { set(from: T, at: number): void }
  )(length * nj * nk)
  for (let k = 0, to = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++, to += length) {
      const from = components * indexIn(dims, [box.low[0], box.low[1] + j, box.low[2] + k])
      part.set(data.subarray(from, from + length), to)
    }
  }
  return part
}

/** The values in a box. */
export function croppedValues(values: Values, dims: Point, box: VoxelBox): Values {
  const { data, components, slope, intercept } = values
  return {
    data: croppedData(data as Uint8Array, dims, box, components),
    components,
    slope,
    intercept,
  }
}

/** Edits of a cropped part as edits of the whole grid, whose size is `dims`. */
export function uncropped(edits: readonly Edit[], box: VoxelBox, dims: Point): Edit[] {
  return edits.map(({ slot, runs }) => ({ slot, runs: uncroppedRuns(runs, box, dims) }))
}

function uncroppedRuns(runs: Uint32Array, box: VoxelBox, dims: Point): Uint32Array {
  const [ni, nj] = sizeOf(box)
  const whole = new Runs()
  for (let n = 0; n < runs.length; n += 2) {
    const end = runs[n]! + runs[n + 1]!
    for (let at = runs[n]!; at < end; ) {
      const row = Math.floor(at / ni)
      const next = Math.min(end, (row + 1) * ni)
      const place: Point = [at % ni, row % nj, Math.floor(row / nj)]
      whole.add(indexIn(dims, place.map((i, axis) => i + box.low[axis]!) as Point), next - at)
      at = next
    }
  }
  return whole.toArray()
}

function indexIn([ni, nj]: Point, [i, j, k]: Point): number {
  return i + ni * (j + nj * k)
}

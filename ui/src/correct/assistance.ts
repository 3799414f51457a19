/** What the assistant is sent, and what its answer changes. See POST /v1/jobs/{id}/assistance. */

import type { Point } from '../schemas'
import { type Edit, type LabelVolume, Numbers, Runs, type VoxelBox, voxelAt } from './labels'

export const MARK = { label: 1, foreground: 2, background: 3 } as const
export const MOST_VOXELS = 1 << 22 // of a box; the gateway refuses larger ones

/** A stroke on a stored slice. */
export interface Scribble {
  /** Whether its voxels belong to the label. */
  foreground: boolean
  axis: 0 | 1 | 2
  index: number
  /** The way of the pointer, in voxels. */
  line: Point[]
  /** Flat indices of its voxels: pairs (start, length), in parts that may overlap. */
  runs: Uint32Array[]
  /** The slots that it ran over when it was drawn. */
  over: number[]
}

const AROUND = 1.6 // the reach of a stroke (imaging/assistance/reach.py) is 1.5 times its diagonal
const LEAST_AROUND = 8 // voxels

/** How far the assistant may change voxels around strokes, in mm. */
export function marginOf(scribbles: readonly Scribble[], volume: LabelVolume): number {
  const diagonals = scribbles.map((one) => {
    const { low, high } = boundsOf([one], volume.dims)
    return Math.hypot(...low.map((n, axis) => (high[axis]! - n) * volume.spacing[axis]!))
  })
  const finest = Math.min(...volume.spacing.filter((_, axis) => volume.dims[axis]! > 1 || axis < 2))
  return Math.ceil(AROUND * Math.max(0, ...diagonals) + LEAST_AROUND * finest)
}

/** The box around all strokes, inside the scan; its margin is smaller if it would be too large. */
export function boxAround(
  scribbles: readonly Scribble[],
  { dims, spacing }: LabelVolume,
  margin: number,
): VoxelBox {
  const { low, high } = boundsOf(scribbles, dims)
  for (let around = margin; ; around *= 0.9) {
    const grown = {
      low: low.map((n, axis) => Math.max(0, n - Math.ceil(around / spacing[axis]!))) as Point,
      high: high.map((n, axis) =>
        Math.min(dims[axis]!, n + Math.ceil(around / spacing[axis]!)),
      ) as Point,
    }
    if (sizeOf(grown) <= MOST_VOXELS || around < 1e-3) return grown
  }
}

export function sizeOf({ low, high }: VoxelBox): number {
  return low.reduce((product, n, axis) => product * (high[axis]! - n), 1)
}

/** Runs (start, length, mark) of the label and of the strokes in the box. */
export function request(
  { data, dims }: LabelVolume,
  slot: number,
  scribbles: readonly Scribble[],
  { low, high }: VoxelBox,
): Uint32Array {
  const label = new Runs()
  for (let k = low[2]; k < high[2]; k++) {
    for (let j = low[1]; j < high[1]; j++) {
      const row = dims[0] * (j + dims[1] * k)
      for (let at = row + low[0]; at < row + high[0]; at++) if (data[at] === slot) label.add(at, 1)
    }
  }
  const numbers = new Numbers()
  const add = (runs: Uint32Array, mark: number): void => {
    for (let n = 0; n < runs.length; n += 2) numbers.push(runs[n]!, runs[n + 1]!, mark)
  }
  add(label.toArray(), MARK.label)
  for (const { foreground, runs } of scribbles) {
    for (const part of runs) add(part, foreground ? MARK.foreground : MARK.background)
  }
  return numbers.toArray()
}

/** The answer's runs (start, length, 1 or 0) as edits: voxels that get the slot, or lose it. */
export function editsOf(answer: Uint32Array, slot: number): Edit[] {
  const gained = new Numbers()
  const lost = new Numbers()
  for (let n = 0; n < answer.length; n += 3) {
    const to = answer[n + 2] === 1 ? gained : lost
    to.push(answer[n]!, answer[n + 1]!)
  }
  return [
    { slot, runs: gained.toArray() },
    { slot: 0, runs: lost.toArray() },
  ]
}

const TOUCHED = 0.2 // of a stroke's voxels

/** The slots that a stroke runs over, and not only grazes. */
export function slotsUnder({ data }: LabelVolume, stroke: readonly Uint32Array[]): number[] {
  const counts = new Map<number, number>()
  let all = 0
  for (const runs of stroke) {
    for (let n = 0; n < runs.length; n += 2) {
      for (const slot of data.subarray(runs[n]!, runs[n]! + runs[n + 1]!)) {
        counts.set(slot, (counts.get(slot) ?? 0) + 1)
        all++
      }
    }
  }
  return [...counts].filter(([, count]) => count >= TOUCHED * all).map(([slot]) => slot)
}

/** The slots whose voxels may become the label: none, and those that strokes of it run over. */
export function givenUp(scribbles: readonly Scribble[]): Set<number> {
  return new Set([0, ...scribbles.flatMap(({ foreground, over }) => (foreground ? over : []))])
}

/**
 * The edits without the voxels that have changed since `before`, the labels of `box`, was copied,
 * for what the reader did meanwhile stays; and without voxels of slots that are not `free`.
 */
export function unlessChanged(
  edits: readonly Edit[],
  { data, dims }: LabelVolume,
  { low }: VoxelBox,
  before: LabelVolume,
  free: ReadonlySet<number>,
): Edit[] {
  const [ni, nj] = before.dims
  const same = (at: number): boolean => {
    const [i, j, k] = voxelAt(at, dims).map((place, axis) => place - low[axis]!) as Point
    return data[at] === before.data[i + ni * (j + nj * k)]
  }
  return edits.map(({ slot, runs }) => {
    const kept = new Runs()
    for (let n = 0; n < runs.length; n += 2) {
      const end = runs[n]! + runs[n + 1]!
      for (let at = runs[n]!; at < end; at++) {
        if ((slot === 0 || free.has(data[at]!)) && same(at)) kept.add(at, 1)
      }
    }
    return { slot, runs: kept.toArray() }
  })
}

/** The smallest box with all voxels of the strokes. */
function boundsOf(scribbles: readonly Scribble[], dims: Point): VoxelBox {
  const low: Point = [...dims]
  const high: Point = [0, 0, 0]
  for (const runs of scribbles.flatMap((one) => one.runs)) {
    for (let n = 0; n < runs.length; n += 2) {
      for (const at of [runs[n]!, runs[n]! + runs[n + 1]! - 1]) {
        voxelAt(at, dims).forEach((place, axis) => {
          low[axis] = Math.min(low[axis]!, place)
          high[axis] = Math.max(high[axis]!, place + 1)
        })
      }
    }
  }
  return { low, high }
}

/** Connected parts: voxels are neighbours if they share a face. */

import type { Point } from '../../schemas'
import { type LabelVolume, Numbers, Runs } from '../labels'

/**
 * The parts of what belongs together, as runs along the first axis. A run has a start, an end and
 * the number of its part; parts are numbered from 0.
 */
export interface Components {
  starts: Uint32Array
  /** The voxel after the last one of each run. */
  ends: Uint32Array
  parts: Uint32Array
  /** Voxels of each part. */
  sizes: Float64Array
  /** For each part, whether it reaches a side of the grid; a single slice has no sides above and below. */
  open: Uint8Array
}

/** `belongs`: for each slot, 1 if its voxels belong to the parts. */
export function componentsOf({ data, dims }: LabelVolume, belongs: Uint8Array): Components {
  const { starts, ends, rows } = runsOf(data, dims, belongs)
  const forest = new Forest(starts.length)
  for (let row = 0; row < rows.length - 1; row++) {
    if (row % dims[1] > 0) join(forest, starts, ends, rows, row, row - 1, dims[0])
    if (row >= dims[1]) join(forest, starts, ends, rows, row, row - dims[1], dims[0])
  }
  const { parts, count } = forest.numbered()
  const sizes = new Float64Array(count)
  const open = new Uint8Array(count)
  for (let n = 0; n < starts.length; n++) {
    sizes[parts[n]!]! += ends[n]! - starts[n]!
    if (isOpen(starts[n]!, ends[n]!, dims)) open[parts[n]!] = 1
  }
  return { starts, ends, parts, sizes, open }
}

/** The part of a voxel; -1 if it belongs to none. */
export function partAt({ starts, ends, parts }: Components, index: number): number {
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (ends[middle]! <= index) low = middle + 1
    else high = middle
  }
  return low < starts.length && starts[low]! <= index ? parts[low]! : -1
}

/** The voxels of the parts for which `wanted` is true. */
export function runsOfParts(all: Components, wanted: (part: number) => boolean): Uint32Array {
  const runs = new Runs()
  for (let n = 0; n < all.starts.length; n++) {
    if (wanted(all.parts[n]!)) runs.add(all.starts[n]!, all.ends[n]! - all.starts[n]!)
  }
  return runs.toArray()
}

interface RowRuns {
  starts: Uint32Array
  ends: Uint32Array
  /** The first run of each row along the first axis, and at the end the number of runs. */
  rows: Uint32Array
}

function runsOf(data: Uint8Array, [ni, nj, nk]: Point, belongs: Uint8Array): RowRuns {
  const starts = new Numbers()
  const ends = new Numbers()
  const rows = new Uint32Array(nj * nk + 1)
  for (let row = 0; row < nj * nk; row++) {
    const end = (row + 1) * ni
    for (let at = row * ni; at < end; at++) {
      if (belongs[data[at]!] === 0) continue
      starts.push(at)
      while (at < end && belongs[data[at]!] === 1) at++
      ends.push(at)
    }
    rows[row + 1] = starts.length
  }
  return { starts: starts.toArray(), ends: ends.toArray(), rows }
}

/** Joins the runs of two rows that share a face; both are in ascending order. */
function join(
  forest: Forest,
  starts: Uint32Array,
  ends: Uint32Array,
  rows: Uint32Array,
  row: number,
  other: number,
  ni: number,
): void {
  const shift = (row - other) * ni
  let [a, b] = [rows[row]!, rows[other]!]
  while (a < rows[row + 1]! && b < rows[other + 1]!) {
    if (starts[a]! < ends[b]! + shift && starts[b]! + shift < ends[a]!) forest.join(a, b)
    if (ends[a]! < ends[b]! + shift) a++
    else b++
  }
}

function isOpen(start: number, end: number, [ni, nj, nk]: Point): boolean {
  const row = Math.floor(start / ni)
  const [j, k] = [row % nj, Math.floor(row / nj)]
  const sides = start === row * ni || end === (row + 1) * ni || j === 0 || j === nj - 1
  return sides || (nk > 1 && (k === 0 || k === nk - 1))
}

/** Disjoint sets. */
class Forest {
  private readonly parents: Uint32Array

  constructor(count: number) {
    this.parents = Uint32Array.from({ length: count }, (_, n) => n)
  }

  join(a: number, b: number): void {
    const [first, second] = [this.root(a), this.root(b)]
    // the earlier one is the root, so that roots come before what hangs on them
    if (first < second) this.parents[second] = first
    else this.parents[first] = second
  }

  numbered(): { parts: Uint32Array; count: number } {
    const parts = new Uint32Array(this.parents.length)
    let count = 0
    for (let n = 0; n < parts.length; n++) {
      const root = this.root(n)
      parts[n] = root === n ? count++ : parts[root]!
    }
    return { parts, count }
  }

  private root(n: number): number {
    const { parents } = this
    let root = n
    while (parents[root] !== root) root = parents[root]!
    while (parents[n] !== root) [n, parents[n]] = [parents[n]!, root]
    return root
  }
}

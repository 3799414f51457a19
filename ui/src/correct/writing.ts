/** Writes runs into labels, and records what was there. */

import type { Difference } from './difference'
import { type Edit, joined, type LabelVolume, Numbers, voxelAt } from './labels'

/** One byte a voxel. */
export const SLOTS = 256

/** What one edit changed. Runs are (start, length, slot); only voxels that changed are in them. */
export interface Part {
  before: Uint32Array
  after: Uint32Array
}

/** What is undone at once. */
export interface Step {
  name: string
  parts: Part[]
}

/** What is written to, and what was written. */
export interface Writing {
  volume: LabelVolume
  /** Voxels of each slot. */
  counts: Uint32Array
  difference: Difference
  /** Runs (start, length, slot) that changed. */
  written: Numbers
  /** Slots that lost or gained voxels. */
  slots: Set<number>
}

/** `allowed`: 1 for each slot whose voxels may change. */
export function writeEdit(writing: Writing, { slot, runs }: Edit, allowed: Uint8Array): Part {
  const before = new Numbers()
  const after = new Numbers()
  for (let n = 0; n < runs.length; n += 2) {
    write(writing, runs[n]!, runs[n + 1]!, slot, allowed, (start, length, old) => {
      before.push(start, length, old)
      after.push(start, length, slot)
    })
  }
  return { before: before.toArray(), after: joined(after.toArray()) }
}

const ALL = new Uint8Array(SLOTS).fill(1)

/** Writes runs (start, length, slot), whatever is protected. */
export function writeRuns(writing: Writing, runs: Uint32Array): void {
  for (let n = 0; n < runs.length; n += 3) {
    write(writing, runs[n]!, runs[n + 1]!, runs[n + 2]!, ALL)
  }
}

/** `changed` gets each run of changed voxels that had the same slot. */
function write(
  writing: Writing,
  from: number,
  length: number,
  slot: number,
  allowed: Uint8Array,
  changed?: (start: number, length: number, old: number) => void,
): void {
  const { data } = writing.volume
  const end = Math.min(data.length, from + length)
  let n = from
  while (n < end) {
    const old = data[n]!
    let next = n + 1
    while (next < end && data[next] === old) next++
    if (old !== slot && allowed[old] === 1) {
      fill(writing, n, next - n, old, slot)
      changed?.(n, next - n, old)
    }
    n = next
  }
}

/** All voxels of the run have the slot `old`. */
function fill(writing: Writing, start: number, length: number, old: number, slot: number): void {
  const { volume, counts, difference, written, slots } = writing
  difference.note(start, length, old, slot)
  volume.data.fill(slot, start, start + length)
  counts[old]! -= length
  counts[slot]! += length
  written.push(start, length, slot)
  slots.add(old).add(slot)
}

/** What has been changed. */
export interface Change {
  /** (start, length, slot): the new values, to be applied in this order. */
  runs: Uint32Array
  /** The stored slices (indices along the last axis) with changed voxels, ascending. */
  slices: number[]
  /** Slots that lost or gained voxels. */
  slots: number[]
}

export function changeOf({ volume, written, slots }: Writing): Change {
  const runs = joined(written.toArray())
  const slices = new Set<number>()
  for (let n = 0; n < runs.length; n += 3) {
    const first = voxelAt(runs[n]!, volume.dims)[2]
    const last = voxelAt(runs[n]! + runs[n + 1]! - 1, volume.dims)[2]
    for (let k = first; k <= last; k++) slices.add(k)
  }
  return { runs, slices: [...slices].sort((a, b) => a - b), slots: [...slots] }
}

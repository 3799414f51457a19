/** What the assistant did to a label, for the reader who sees one slice of it. */

import { countText } from '../text'
import type { Edit, LabelVolume } from './labels'
import { slotTable } from './operations/changes'
import { withoutHoles } from './operations/holes'

export interface Outcome {
  added: number
  removed: number
  /** Voxels of background inside the label that were no hole before. */
  holes: number
}

/**
 * Compares a part of the labels before and after. `axis`: holes are looked for on the slices along
 * it, where the reader drew.
 */
export function outcomeOf(
  before: LabelVolume,
  after: LabelVolume,
  slot: number,
  axis: 0 | 1 | 2,
): Outcome {
  const outcome = { added: 0, removed: 0, holes: 0 }
  after.data.forEach((value, at) => {
    const was = before.data[at] === slot
    if (!was && value === slot) outcome.added++
    else if (was && value !== slot) outcome.removed++
  })
  const known = new Uint8Array(after.data.length)
  const background = slotTable([0])
  eachVoxel(withoutHoles(before, slot, axis, background), (at) => {
    known[at] = 1
  })
  eachVoxel(withoutHoles(after, slot, axis, background), (at) => {
    if (known[at] === 0) outcome.holes++
  })
  return outcome
}

const LITTLE = 5 // times the voxels of the line

/** What to do after a line that removed hardly more than what it ran over; else empty. */
export function leakText({ removed }: Outcome, line: readonly Uint32Array[]): string {
  if (removed === 0 || removed >= LITTLE * distinct(line)) return ''
  return ' That is little. If the wrong part goes on where the values are uneven, the scissors (C) remove it better.'
}

/** The voxels of a line: its parts overlap. */
function distinct(line: readonly Uint32Array[]): number {
  const all = new Set<number>()
  for (const runs of line) eachVoxel([{ slot: 0, runs }], (at) => all.add(at))
  return all.size
}

/** "added 12 voxels to liver, removed 3 from it": a phrase, and a sentence about holes. */
export function outcomeText({ added, removed, holes }: Outcome, label: string): string {
  const parts = [
    added > 0 && `added ${countText(added, 'voxel')} to ${label}`,
    removed > 0 && `removed ${countText(removed, 'voxel')} from ${added > 0 ? 'it' : label}`,
  ].filter((part) => part !== false)
  const left =
    holes === 0
      ? ''
      : ` ${countText(holes, 'voxel')} inside it ${holes === 1 ? 'is' : 'are'} empty now: “Fill holes” (H) fills them.`
  return `${parts.join(', ')}.${left}`
}

function eachVoxel(edits: readonly Edit[], act: (at: number) => void): void {
  for (const { runs } of edits) {
    for (let n = 0; n < runs.length; n += 2) {
      for (let at = runs[n]!; at < runs[n]! + runs[n + 1]!; at++) act(at)
    }
  }
}

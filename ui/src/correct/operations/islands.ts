/** Removes the parts of a label that are not connected with its larger ones. */

import type { Edit, LabelVolume } from '../labels'
import { slotTable, withoutEmpty } from './changes'
import { type Components, componentsOf, runsOfParts } from './components'

/** `largest`: keeps the largest part alone; a number: removes the parts with fewer voxels. */
export type Kept = 'largest' | number

export function withoutIslands(volume: LabelVolume, slot: number, kept: Kept): Edit[] {
  const all = componentsOf(volume, slotTable([slot]))
  const isIsland = islandTest(all, kept)
  return withoutEmpty([{ slot: 0, runs: runsOfParts(all, isIsland) }])
}

/** Of several largest parts, the first one in storage order stays. */
function islandTest({ sizes }: Components, kept: Kept): (part: number) => boolean {
  if (kept !== 'largest') return (part) => sizes[part]! < kept
  let largest = 0
  for (let part = 1; part < sizes.length; part++) {
    if (sizes[part]! > sizes[largest]!) largest = part
  }
  return (part) => part !== largest
}

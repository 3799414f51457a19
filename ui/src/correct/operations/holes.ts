/** Fills the holes of a label. */

import { type Edit, type LabelVolume, Runs } from '../labels'
import { slotTable, withoutEmpty } from './changes'
import { componentsOf, runsOfParts } from './components'
import { type Axis, Marks, sliceOf } from './slice'

/**
 * A hole is a part outside the label that does not reach the edge of the scan, or of the slice:
 * with an `axis`, each of its slices is looked at alone. Voxels of slots in the table `over` are
 * filled; other labels inside the hole stay.
 */
export function withoutHoles(
  volume: LabelVolume,
  slot: number,
  axis: Axis | null,
  over: Uint8Array,
): Edit[] {
  if (axis === null) return withoutEmpty([{ slot, runs: holesOf(volume, slot, over) }])
  const marks = new Marks(volume.dims)
  for (let index = 0; index < volume.dims[axis]; index++) {
    const slice = { axis, index }
    marks.add(holesOf(sliceOf(volume, slice), slot, over), slice)
  }
  return withoutEmpty([{ slot, runs: marks.runs() }])
}

function holesOf(volume: LabelVolume, slot: number, over: Uint8Array): Uint32Array {
  const all = componentsOf(
    volume,
    slotTable([slot]).map((one) => 1 - one),
  )
  const holes = runsOfParts(all, (part) => all.open[part] === 0)
  return only(holes, volume.data, over)
}

/** The voxels of runs whose slot is in a table. */
function only(runs: Uint32Array, data: Uint8Array, table: Uint8Array): Uint32Array {
  const kept = new Runs()
  for (let n = 0; n < runs.length; n += 2) {
    const end = runs[n]! + runs[n + 1]!
    for (let at = runs[n]!; at < end; at++) if (table[data[at]!] === 1) kept.add(at, 1)
  }
  return kept.toArray()
}

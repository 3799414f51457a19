/** Gives a connected area of one slot another one. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume } from '../labels'
import { slotTable } from './changes'
import { componentsOf, partAt, runsOfParts } from './components'
import { axesOf, fromSlice, type Slice, sliceOf } from './slice'

/** Why nothing is filled: the area has the slot already, or it is background without a border. */
export type Refused = 'same' | 'open'

/**
 * Fills the area around a voxel: the connected voxels of its slot, on one slice or in 3D (`slice`
 * null). Background is filled only where labels enclose it.
 */
export function filledArea(
  volume: LabelVolume,
  at: Point,
  slot: number,
  slice: Slice | null,
): Edit[] | Refused {
  if (slice === null) return filled(volume, at, slot)
  const [u, v] = axesOf(slice.axis)
  const found = filled(sliceOf(volume, slice), [at[u], at[v], 0], slot)
  return typeof found === 'string' ? found : fromSlice(found, volume.dims, slice)
}

function filled(volume: LabelVolume, [i, j, k]: Point, slot: number): Edit[] | Refused {
  const index = i + volume.dims[0] * (j + volume.dims[1] * k)
  const old = volume.data[index]!
  if (old === slot) return 'same'
  const all = componentsOf(volume, slotTable([old]))
  const part = partAt(all, index)
  if (old === 0 && all.open[part] === 1) return 'open'
  return [{ slot, runs: runsOfParts(all, (one) => one === part) }]
}

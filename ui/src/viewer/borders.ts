/** The outline of a mask, slice by slice. */

import type { Grid } from './nifti'

/** Keeps the voxels that have a neighbour with another value in their slice. */
export function bordersOf(grid: Grid, slots: Uint8Array): Uint8Array {
  const [ni, nj, nk] = grid.dims
  const { data } = grid
  const kept = new Uint8Array(slots.length)
  let n = 0
  for (let k = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, n++) {
        if (slots[n] === 0) continue
        const value = data[n]
        const inner =
          i > 0 &&
          data[n - 1] === value &&
          i < ni - 1 &&
          data[n + 1] === value &&
          j > 0 &&
          data[n - ni] === value &&
          j < nj - 1 &&
          data[n + ni] === value
        if (!inner) kept[n] = slots[n]!
      }
    }
  }
  return kept
}

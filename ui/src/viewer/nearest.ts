/** Where a label is, near a point. */

import type { Point } from '../schemas'
import { indexOf, spacingOf } from './geometry'
import type { Grid } from './nifti'

/**
 * The voxel with this value that is nearest to a point, in mm; the point itself if no voxel has it.
 * The centre of a bent label, or of one with two parts, is outside of the label.
 */
export function nearestVoxel(grid: Grid, value: number, to: Point): Point {
  const { data, dims } = grid
  const inside = to.every((n, axis) => n >= 0 && n < dims[axis]!)
  if (inside && data[indexOf(to.map(Math.round) as Point, dims)] === value) return to
  const [di, dj, dk] = spacingOf(grid.affine)
  const [ni, nj, nk] = dims
  let best = Number.POSITIVE_INFINITY
  let nearest = to
  let index = 0
  for (let k = 0; k < nk; k++) {
    const z = ((k - to[2]) * dk) ** 2
    for (let j = 0; j < nj; j++) {
      const yz = z + ((j - to[1]) * dj) ** 2
      if (yz >= best) {
        index += ni
        continue
      }
      for (let i = 0; i < ni; i++, index++) {
        if (data[index] !== value) continue
        const distance = yz + ((i - to[0]) * di) ** 2
        if (distance >= best) continue
        best = distance
        nearest = [i, j, k]
      }
    }
  }
  return nearest
}

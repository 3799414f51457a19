/** From places of the pointer to voxels. */

import type { Point } from '../schemas'
import type { Slice } from './operations/slice'
import type { Spot } from './tool'

/** The voxel under a spot; null outside the grid. */
export function voxelOf({ voxel }: Spot, dims: Point): Point | null {
  const at = voxel.map(Math.round) as Point
  return at.every((n, axis) => n >= 0 && n < dims[axis]!) ? at : null
}

export function sliceOf({ slice: { axis, index } }: Spot): Slice {
  return { axis, index }
}

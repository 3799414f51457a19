/** Which label a click on the 3D view hits. */

import type { Point } from '../schemas'
import { type Half, keeps } from './clip'
import { indexOf, plus } from './geometry'
import type { Space } from './space'

/** A mask in a scene: the slot of each drawn voxel, i fastest. */
export interface Placed {
  slots: Uint8Array
  /** Of the drawn voxels. */
  dims: Point
  space: Space
}

/**
 * The first voxel on a line whose slot is shown and which no cut removes, or null. `from`: a point
 * of the line in the scene; `normal`: to the reader; the line reaches `reach` mm to either side.
 */
export function firstShown(
  { slots, dims, space }: Placed,
  shown: (slot: number) => boolean,
  halves: readonly Half[],
  from: Point,
  normal: Point,
  reach: number,
): Point | null {
  const step = Math.min(...space.spacing.map((size, n) => size * space.step[n]!)) / 2
  for (let along = reach; along >= -reach; along -= step) {
    const scene = plus(from, normal, along)
    const stored = space.toVoxel(scene)
    const drawn = stored.map((value, n) => Math.round(value / space.step[n]!)) as Point
    const index = indexOf(drawn, dims)
    if (index < 0 || !shown(slots[index]!) || !keeps(halves, scene)) continue
    return drawn.map((value, n) => value * space.step[n]!) as Point
  }
  return null
}

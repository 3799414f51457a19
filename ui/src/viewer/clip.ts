/** Planes that cut parts of the volume away, to look inside. Points and directions: the scene. */

import type { Point } from '../schemas'
import { dot, PLANES, plus, scaled } from './geometry'
import type { Plane } from './port'
import type { Space } from './space'

/** A cut parallel to a plane. */
export interface Cut {
  on: boolean
  /** Removes what is beyond the slice, instead of what is on the reader's side of it. */
  beyond: boolean
  /** Where it is, 0..1 from the farthest slice to the one that is nearest to the reader. */
  share: number
}

export type Cuts = Record<Plane, Cut>

/** Half of the scene: what remains is on the side to which the normal points. */
export interface Half {
  origin: Point
  normal: Point
}

export function noCuts(): Cuts {
  const cut = (): Cut => ({ on: false, beyond: false, share: 0.5 })
  return { axial: cut(), coronal: cut(), sagittal: cut() }
}

/** What the cuts leave. */
export function halvesOf(cuts: Cuts, space: Space): Half[] {
  return PLANES.filter((plane) => cuts[plane].on).map((plane) => {
    const { share, beyond } = cuts[plane]
    const { normal } = space.planes[plane]!
    const along = (share - 0.5) * space.extent(normal)
    return {
      origin: plus(space.middle, normal, along),
      normal: beyond ? normal : scaled(normal, -1),
    }
  })
}

/** The share at which a cut goes through a point. */
export function shareAt(space: Space, plane: Plane, point: Point): number {
  const { normal } = space.planes[plane]!
  const share = 0.5 + dot(plus(point, space.middle, -1), normal) / space.extent(normal)
  return Math.min(1, Math.max(0, share))
}

export function keeps(halves: readonly Half[], point: Point): boolean {
  return halves.every(({ origin, normal }) => dot(plus(point, origin, -1), normal) >= 0)
}

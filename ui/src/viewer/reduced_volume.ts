/** A smaller copy of the scan in the library's cache, for 3D. */

import { cache, type Types, volumeLoader } from '@cornerstonejs/core'
import type { Point } from '../schemas'
import { FRAME } from './library'
import { type Combine, reduce, reductionOf } from './reduction'
import type { Scan } from './scan'

export interface VolumeCopy {
  id: string
  /** Voxels of the scan that one voxel stands for, along the most reduced axis. */
  reduction: number
}

/**
 * The volume to draw, with at most `most` voxels: a copy, which is made once, or the scan itself if
 * it is small. Null if `wanted` says no before it is ready.
 */
export async function volumeCopy(
  scan: Scan,
  combine: Combine,
  most: number,
  wanted: () => boolean,
): Promise<VolumeCopy | null> {
  const { drawn, space } = scan
  const spacing = space.spacing.map((mm, axis) => mm * space.step[axis]!) as Point
  const reduction = reductionOf(drawn.dims, spacing, most)
  const blocks = Math.max(...reduction.step)
  const whole = { id: scan.id, reduction: scan.reduction }
  if (blocks === 1) return whole
  const copy = { id: `${scan.id}-${combine}`, reduction: blocks * scan.reduction }
  if (cache.getVolume(copy.id) !== undefined) return copy
  const values = await reduce(drawn.data, drawn.dims, reduction, combine, wanted)
  if (values === null) return null
  volumeLoader.createLocalVolume(copy.id, {
    metadata: { FrameOfReferenceUID: FRAME, Modality: 'OT' } as Types.Metadata,
    dimensions: reduction.dims,
    spacing: spacing.map((mm, axis) => mm * reduction.step[axis]!) as Types.Point3,
    // The middle of the first block.
    origin: space.toScene(
      reduction.step.map((n, axis) => ((n - 1) / 2) * space.step[axis]!) as Point,
    ),
    direction: space.directions.flat() as unknown as Types.Mat3,
    scalarData: values,
  })
  return copy
}

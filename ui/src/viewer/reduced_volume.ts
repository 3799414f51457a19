/** A smaller copy of the scan in the library's cache, for 3D. */

import { cache, type Types, volumeLoader } from '@cornerstonejs/core'
import type { Point } from '../schemas'
import { FRAME } from './library'
import { type Combine, reduce, reductionOf, thickened } from './reduction'
import type { Scan } from './scan'

export interface VolumeCopy {
  id: string
  /** Voxels of the scan that one voxel stands for, along the most reduced axis. */
  reduction: number
}

/**
 * The volume to draw, with at most `most` voxels: a copy, which is made once, or the scan itself if
 * it is small. A single slice is as thick as its voxels. Null if `wanted` says no before it is
 * ready.
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
  const thin = reduction.dims.includes(1)
  const copy = { id: `${scan.id}-${combine}`, reduction: blocks * scan.reduction }
  if (blocks === 1 && !thin) return { ...copy, id: scan.id }
  if (cache.getVolume(copy.id) !== undefined) return copy
  const values =
    blocks === 1 ? drawn.data : await reduce(drawn.data, drawn.dims, reduction, combine, wanted)
  if (values === null) return null
  // The library does not draw a single slice, so there are two of half the thickness.
  const { data, dims } = thin
    ? thickened(values, reduction.dims)
    : { data: values, dims: reduction.dims }
  const single = reduction.dims.map((n) => n === 1)
  const first = reduction.step.map((n, axis) => {
    const middle = (n - 1) / 2 - (single[axis] ? n / 4 : 0)
    return middle * space.step[axis]!
  })
  volumeLoader.createLocalVolume(copy.id, {
    metadata: { FrameOfReferenceUID: FRAME, Modality: 'OT' } as Types.Metadata,
    dimensions: dims,
    spacing: spacing.map(
      (mm, axis) => mm * reduction.step[axis]! * (single[axis] ? 0.5 : 1),
    ) as Types.Point3,
    origin: space.toScene(first as Point),
    direction: space.directions.flat() as unknown as Types.Mat3,
    scalarData: data,
  })
  return copy
}

/** Grows or shrinks a label by a distance in mm. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume } from '../labels'
import { Changes } from './changes'
import { squaredDistances } from './distance'

const ROUNDING = 1e-6 // mm: 3 voxels of 0.1 mm are within 0.3 mm

/** Voxels around a label that growing by so many mm may reach. */
export function reachOf(mm: number, spacing: Point): Point {
  return spacing.map((step) => Math.floor((mm + ROUNDING) / step)) as Point
}

/**
 * Growing adds the voxels whose centre is at most `mm` from that of a voxel of the label, as far
 * as they are of slots in the table `over`. Shrinking, below 0, removes the voxels whose centre is
 * at most that far from that of a voxel outside the label; what lies beyond the scan's edge is
 * unknown and removes nothing.
 */
export function resized(volume: LabelVolume, slot: number, mm: number, over: Uint8Array): Edit[] {
  const grows = mm > 0
  const changes = new Changes(volume, slot, over)
  const size = volume.dims[0] * volume.dims[1]
  const near = new Near(volume, Math.abs(mm), (label) => (label === slot) === grows)
  for (let k = 0; k < volume.dims[2]; k++) {
    const within = near.slice(k)
    for (let n = 0; n < size; n++) {
      const index = k * size + n
      if (within[n] === 1) changes.add(index, grows)
    }
  }
  return changes.edits()
}

/** Which voxels are within a distance of chosen ones; slice after slice, so that few are in memory. */
class Near {
  private readonly squared = new Map<number, Float64Array>()
  private readonly reach: number
  private readonly most: number

  constructor(
    private readonly volume: LabelVolume,
    mm: number,
    private readonly chosen: (slot: number) => boolean,
  ) {
    this.reach = reachOf(mm, volume.spacing)[2]
    this.most = (mm + ROUNDING) ** 2
  }

  /** Asked for in ascending order. */
  slice(k: number): Uint8Array {
    const { reach, most, volume } = this
    const within = new Uint8Array(volume.dims[0] * volume.dims[1])
    this.squared.delete(k - reach - 1)
    const first = Math.max(0, k - reach)
    const last = Math.min(volume.dims[2] - 1, k + reach)
    for (let other = first; other <= last; other++) {
      const left = most - ((other - k) * volume.spacing[2]) ** 2
      const squared = this.distances(other)
      if (squared === null) continue
      for (let n = 0; n < within.length; n++) if (squared[n]! <= left) within[n] = 1
    }
    return within
  }

  /** On a slice; null if no voxel of it is chosen. */
  private distances(k: number): Float64Array | null {
    let squared = this.squared.get(k)
    if (squared === undefined) {
      squared = this.transform(k)
      this.squared.set(k, squared)
    }
    return squared.length === 0 ? null : squared
  }

  private transform(k: number): Float64Array {
    const { data, dims, spacing } = this.volume
    const size = dims[0] * dims[1]
    const mask = new Uint8Array(size)
    let any = false
    for (let n = 0; n < size; n++) {
      if (!this.chosen(data[k * size + n]!)) continue
      mask[n] = 1
      any = true
    }
    if (!any) return new Float64Array(0)
    return squaredDistances(mask, [dims[0], dims[1]], [spacing[0], spacing[1]])
  }
}

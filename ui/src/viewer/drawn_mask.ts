/** The mask on screen: the label of each voxel, and whether it can be corrected. */

import type { Point } from '../schemas'
import { indexOf } from './geometry'
import type { Legend } from './legend'
import { nearestVoxel } from './nearest'
import type { Grid } from './nifti'

const REDUCED =
  'This mask cannot be corrected here: the scan is larger than the graphics memory of this computer shows in full resolution. Correct the downloaded mask with another program, and upload it.'
/** `shared`: as of the legend. */
const sharedText = (shared: string): string =>
  `This mask cannot be corrected here: ${shared} Correct the downloaded mask with another program, and upload it.`

export class DrawnMask {
  /** Whether the slots are the labels, exactly and in full resolution. */
  private readonly exact: boolean
  /** Why it cannot be corrected; empty if it can. */
  readonly refused: string

  /** `values`: the mask as it was loaded. `slots`: what is drawn of it, as the legend has them. */
  constructor(
    private readonly values: Grid,
    readonly slots: Uint8Array,
    readonly legend: Legend,
  ) {
    const { shared } = legend
    const text = shared === '' ? '' : sharedText(shared)
    this.refused = slots.length !== values.data.length ? REDUCED : text
    this.exact = this.refused === ''
    // The slots change with corrections, and the memory of the values is freed.
    if (this.exact) this.values = { ...values, data: slots }
  }

  /** The mask's value at a voxel; 0 outside. */
  valueAt(voxel: Point): number {
    const stored = this.values.data[indexOf(voxel, this.values.dims)] ?? 0
    return this.exact ? this.legend.valueOf(stored) : stored
  }

  /** The voxel with this value that is nearest to voxel coordinates. */
  nearest(value: number, to: Point): Point {
    const wanted = this.exact ? this.legend.slotOf(value) : value
    return this.exact && wanted === 0 && value !== 0 ? to : nearestVoxel(this.values, wanted, to)
  }
}

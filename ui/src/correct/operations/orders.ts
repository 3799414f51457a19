/** The operations that may take a while, as orders that another thread can be given. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume } from '../labels'
import { filledArea, type Refused } from './fill'
import { withoutHoles } from './holes'
import { type Interpolation, interpolated } from './interpolation'
import { type Kept, withoutIslands } from './islands'
import { type Growth, grownRegion } from './region'
import { resized } from './resize'
import { type Cut, scissored } from './scissors'
import type { Axis } from './slice'
import { smoothed } from './smooth'
import type { Values } from './values'

/** `over`: for each slot, 1 if the label may gain its voxels. */
export type Order =
  | { kind: 'fill'; at: Point }
  | { kind: 'scissors'; cut: Cut }
  | { kind: 'interpolation'; base: Uint8Array; interpolation: Interpolation }
  | { kind: 'region'; values: Values; growth: Growth; over: Uint8Array }
  | { kind: 'islands'; kept: Kept }
  | { kind: 'holes'; axis: Axis | null; over: Uint8Array }
  | { kind: 'smooth'; mm: number; over: Uint8Array }
  | { kind: 'resize'; mm: number; over: Uint8Array }

export interface Outcome {
  edits: Edit[]
  /** Why nothing was filled. */
  refused?: Refused
  /** The slices that interpolation changed. */
  slices?: number[]
  /** Whether a region reached its largest distance. */
  limited?: boolean
}

/** `slot`: the label that gains or loses voxels. */
export function perform(volume: LabelVolume, slot: number, order: Order): Outcome {
  switch (order.kind) {
    case 'fill': {
      const edits = filledArea(volume, order.at, slot, null)
      return typeof edits === 'string' ? { edits: [], refused: edits } : { edits }
    }
    case 'scissors':
      return { edits: scissored(volume, slot, order.cut) }
    case 'interpolation':
      return interpolated(volume, order.base, slot, order.interpolation)
    case 'region': {
      const region = grownRegion({ volume, values: order.values }, slot, order.growth, order.over)
      return region === null ? { edits: [] } : { edits: [region.edit], limited: region.limited }
    }
    case 'islands':
      return { edits: withoutIslands(volume, slot, order.kept) }
    case 'holes':
      return { edits: withoutHoles(volume, slot, order.axis, order.over) }
    case 'smooth':
      return { edits: smoothed(volume, slot, order.mm, order.over) }
    case 'resize':
      return { edits: resized(volume, slot, order.mm, order.over) }
  }
}

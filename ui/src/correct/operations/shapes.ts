/**
 * A shape between two shapes.
 *
 * S. P. Raya and J. K. Udupa, "Shape-based interpolation of multidimensional objects", IEEE
 * Transactions on Medical Imaging 9 (1990), 32-42: the signed distances to the borders of both
 * shapes are interpolated, and the shape is where the result is inside.
 */

import type { Point } from '../../schemas'
import { slotTable } from './changes'
import { type Components, componentsOf, partAt, runsOfParts } from './components'
import { squaredDistances } from './distance'

const ROUNDING = 1e-9 // mm

/** Two shapes on slices, as masks of 0 and 1. `dims`: (nu, nv, 1); `spacing`: mm. */
export class Between {
  private readonly first: Float64Array | null
  private readonly second: Float64Array | null

  /** Areas that overlap none of the other shape are left out: they end at their slice. */
  constructor(first: Uint8Array, second: Uint8Array, dims: Point, spacing: Point) {
    const masks = [overlapping(first, second, dims), overlapping(second, first, dims)] as const
    const empty = masks.some((mask) => !mask.includes(1))
    this.first = empty ? null : signedDistances(masks[0], dims, spacing)
    this.second = empty ? null : signedDistances(masks[1], dims, spacing)
  }

  /** `share`: how far it is from the first (0) to the second (1). */
  at(share: number): Uint8Array | null {
    const { first, second } = this
    if (first === null || second === null) return null
    const shape = new Uint8Array(first.length)
    for (let n = 0; n < shape.length; n++) {
      const distance = (1 - share) * first[n]! + share * second[n]!
      if (distance >= -ROUNDING) shape[n] = 1
    }
    return shape
  }
}

/** From the centre of each voxel to the nearest one on the other side; below 0 outside. */
function signedDistances(mask: Uint8Array, [nu, nv]: Point, [su, sv]: Point): Float64Array {
  const outside = squaredDistances(mask, [nu, nv], [su, sv])
  const inside = squaredDistances(
    mask.map((one) => 1 - one),
    [nu, nv],
    [su, sv],
  )
  return inside.map((squared, n) => Math.sqrt(squared) - Math.sqrt(outside[n]!))
}

/** The parts of a mask that have a voxel in common with another one. */
function overlapping(mask: Uint8Array, other: Uint8Array, dims: Point): Uint8Array {
  const all = componentsOf({ data: mask, dims, spacing: [1, 1, 1] }, slotTable([1]))
  const wanted = new Set<number>()
  for (let n = 0; n < mask.length; n++) {
    if (mask[n] === 1 && other[n] === 1) wanted.add(partAt(all, n))
  }
  return maskOf(all, wanted, mask.length)
}

function maskOf(all: Components, wanted: ReadonlySet<number>, length: number): Uint8Array {
  const mask = new Uint8Array(length)
  const runs = runsOfParts(all, (part) => wanted.has(part))
  for (let n = 0; n < runs.length; n += 2) mask.fill(1, runs[n]!, runs[n]! + runs[n + 1]!)
  return mask
}

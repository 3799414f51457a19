/** Smooths the surface of a label. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume } from '../labels'
import { Changes } from './changes'

const WIDTH = 3 // standard deviations at which the weights end
const HALF = 0.5 - 1e-6 // a flat surface stays where it is, however it is rounded

/** Voxels around a label on which its smoothed form depends. */
export function reachOf(mm: number, spacing: Point): Point {
  return spacing.map((step) => Math.floor((WIDTH * mm) / step)) as Point
}

/**
 * The label is where its mask, blurred by a Gaussian with a standard deviation of `mm`, is at
 * least one half. It gains voxels of slots in the table `over` only. Beyond the scan's edge, the
 * mask goes on as it is at the edge.
 */
export function smoothed(volume: LabelVolume, slot: number, mm: number, over: Uint8Array): Edit[] {
  const [ni, nj, nk] = volume.dims
  const changes = new Changes(volume, slot, over)
  const weights = volume.spacing.map((step) => weightsOf(mm / step)) as Weights
  const blurred = new Blurred(volume, slot, weights)
  for (let k = 0; k < nk; k++) {
    const shares = blurred.slice(k)
    for (let n = 0; n < ni * nj; n++) changes.add(k * ni * nj + n, shares[n]! >= HALF)
  }
  return changes.edits()
}

type Weights = [Float64Array, Float64Array, Float64Array]

/** The weights of a voxel, and of those at a distance of 1, 2, …; their sum over both sides is 1. */
function weightsOf(deviation: number): Float64Array {
  const weights = Float64Array.from({ length: Math.floor(WIDTH * deviation) + 1 }, (_, n) =>
    n === 0 ? 1 : Math.exp(-0.5 * (n / deviation) ** 2),
  )
  const sum = weights.reduce((total, one) => total + 2 * one, -weights[0]!)
  return weights.map((one) => one / sum)
}

/** A blurred mask; slice after slice, so that few are in memory. */
class Blurred {
  private readonly flat = new Map<number, Float64Array>()

  constructor(
    private readonly volume: LabelVolume,
    private readonly slot: number,
    private readonly weights: Weights,
  ) {}

  /** Asked for in ascending order. */
  slice(k: number): Float64Array {
    const [ni, nj, nk] = this.volume.dims
    const sum = new Float64Array(ni * nj)
    const weights = this.weights[2]
    this.flat.delete(k - weights.length)
    for (let d = 1 - weights.length; d < weights.length; d++) {
      const weight = weights[Math.abs(d)]!
      const other = this.inPlane(Math.min(nk - 1, Math.max(0, k + d)))
      for (let n = 0; n < sum.length; n++) sum[n]! += weight * other[n]!
    }
    return sum
  }

  private inPlane(k: number): Float64Array {
    let slice = this.flat.get(k)
    if (slice === undefined) {
      const [ni, nj] = this.volume.dims
      const mask = new Float64Array(ni * nj)
      const from = k * mask.length
      for (let n = 0; n < mask.length; n++)
        mask[n] = Number(this.volume.data[from + n] === this.slot)
      slice = rows(columns(mask, ni, nj, this.weights[1]), ni, nj, this.weights[0])
      this.flat.set(k, slice)
    }
    return slice
  }
}

/** Blurred along the first axis. */
function rows(field: Float64Array, ni: number, nj: number, weights: Float64Array): Float64Array {
  const out = new Float64Array(field.length)
  for (let j = 0; j < nj; j++) {
    for (let i = 0; i < ni; i++) {
      let sum = weights[0]! * field[j * ni + i]!
      for (let d = 1; d < weights.length; d++) {
        const before = field[j * ni + Math.max(0, i - d)]!
        sum += weights[d]! * (before + field[j * ni + Math.min(ni - 1, i + d)]!)
      }
      out[j * ni + i] = sum
    }
  }
  return out
}

/** Blurred along the second axis. */
function columns(field: Float64Array, ni: number, nj: number, weights: Float64Array): Float64Array {
  const out = new Float64Array(field.length)
  for (let j = 0; j < nj; j++) {
    for (let d = 1 - weights.length; d < weights.length; d++) {
      const from = ni * Math.min(nj - 1, Math.max(0, j + d))
      const weight = weights[Math.abs(d)]!
      for (let i = 0; i < ni; i++) out[j * ni + i]! += weight * field[from + i]!
    }
  }
  return out
}

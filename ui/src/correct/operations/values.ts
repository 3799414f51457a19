/** The values of the scan, and ranges of them. */

import type { Point } from '../../schemas'
import type { Grid, Numbers } from '../../viewer/nifti'
import { type LabelVolume, Runs } from '../labels'
import { axesOf, layoutOf, type Slice } from './slice'

/** What is read of the scan: a value is number * slope + intercept, of a colour its brightness. */
export type Values = Pick<Grid, 'data' | 'components' | 'slope' | 'intercept'>

/** Both ends belong to it. */
export interface ValueRange {
  low: number
  high: number
}

export interface Spread {
  mean: number
  /** Standard deviation. */
  sd: number
}

const AROUND = 2 // voxels on each side of a click whose values are taken
const DEVIATIONS = 2.5

/** Brightness of a colour: Y' of ITU-R BT.601. */
function brightness(data: Numbers, at: number): number {
  return 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!
}

export function valueAt({ data, components, slope, intercept }: Values, index: number): number {
  const number = components === 1 ? data[index]! : brightness(data, 3 * index)
  return number * slope + intercept
}

/** The values of 5 x 5 voxels of a slice around one; null if the scan has none there. */
export function spreadAround(values: Values, dims: Point, at: Point, slice: Slice): Spread | null {
  const { nu, nv, start, du, dv } = layoutOf(dims, slice)
  const [u, v] = axesOf(slice.axis).map((axis) => at[axis]) as [number, number]
  let [count, mean, squares] = [0, 0, 0]
  for (let b = Math.max(0, v - AROUND); b <= Math.min(nv - 1, v + AROUND); b++) {
    for (let a = Math.max(0, u - AROUND); a <= Math.min(nu - 1, u + AROUND); a++) {
      const value = valueAt(values, start + a * du + b * dv)
      if (!Number.isFinite(value)) continue
      const moved = value - mean
      mean += moved / ++count
      squares += moved * (value - mean)
    }
  }
  return count === 0 ? null : { mean, sd: Math.sqrt(squares / count) }
}

/**
 * From the mean minus 2.5 standard deviations to the mean plus as many, both in few digits: the
 * range never gets narrower by that, so it contains equal values, too.
 */
export function rangeOf({ mean, sd }: Spread): ValueRange {
  const least = Math.max(sd, Math.abs(mean) * 1e-4, Number.MIN_VALUE / 1e-16)
  const unit = 10 ** (Math.floor(Math.log10(least)) - 2)
  const low = Math.floor((mean - DEVIATIONS * sd) / unit) * unit
  const high = Math.ceil((mean + DEVIATIONS * sd) / unit) * unit
  return { low: Number(low.toPrecision(12)), high: Number(high.toPrecision(12)) }
}

/** The voxels of runs whose value is in a range. */
export function runsWithin(
  runs: Uint32Array,
  values: Values,
  { low, high }: ValueRange,
): Uint32Array {
  const kept = new Runs()
  for (let n = 0; n < runs.length; n += 2) {
    const end = runs[n]! + runs[n + 1]!
    for (let at = runs[n]!; at < end; at++) {
      const value = valueAt(values, at)
      if (value >= low && value <= high) kept.add(at, 1)
    }
  }
  return kept.toArray()
}

/** Labels and the values of the same grid. */
export interface Valued {
  volume: LabelVolume
  values: Values
}

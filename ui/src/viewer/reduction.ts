/** Smaller copies of a volume: what 3D rendering can hold and draw quickly. */

import type { Point } from '../schemas'

/** One number of the copy stands for a block of so many voxels along each axis. */
export interface Reduction {
  step: Point
  /** Of the copy. */
  dims: Point
}

/**
 * The smallest blocks with which a grid has at most `most` voxels, and at most `longest` along an
 * axis. The axis with the shortest side of a block grows first, so that blocks become cubes.
 */
export function reductionOf(
  dims: Point,
  spacing: Point,
  most: number,
  longest: number = Number.POSITIVE_INFINITY,
): Reduction {
  const step = dims.map((n) => Math.max(1, Math.ceil(n / longest))) as Point
  const reduced = (): Point => dims.map((n, axis) => Math.ceil(n / step[axis]!)) as Point
  while (product(reduced()) > most) {
    const axes = [0, 1, 2].filter((axis) => reduced()[axis]! > 1)
    const side = (axis: number): number => step[axis]! * spacing[axis]!
    step[axes.reduce((best, axis) => (side(axis) < side(best) ? axis : best))]! += 1
  }
  return { step, dims: reduced() }
}

export function product([a, b, c]: Point): number {
  return a * b * c
}

/** How blocks become one number: their mean, or their largest value (for projections). */
export type Combine = 'mean' | 'largest'

type Values = Uint8Array | Uint16Array | Int16Array | Float32Array

const SLICE_MS = 12 // of work between two pauses

/**
 * A smaller copy of `data`, which has `dims` voxels, in slices of work that let the page react.
 * Blocks at the end of an axis may be smaller. Null if `wanted` says no in a pause.
 */
export async function reduce<T extends Values>(
  data: T,
  dims: Point,
  { step, dims: small }: Reduction,
  combine: Combine,
  wanted: () => boolean,
): Promise<T | null> {
  const out = new (data.constructor as new (length: number) => T)(product(small))
  const integers = !(data instanceof Float32Array)
  const plane = small[0] * small[1]
  let since = performance.now()
  for (let k = 0; k < small[2]; k++) {
    const values = blocksOf(data, dims, step, small, k, combine)
    out.set(integers ? values.map(Math.round) : values, k * plane)
    if (performance.now() - since < SLICE_MS) continue
    await pause()
    if (!wanted()) return null
    since = performance.now()
  }
  return out
}

/** A volume of which every axis has at least two voxels: a single slice is there twice. */
export function thickened<T extends Values>(data: T, dims: Point): { data: T; dims: Point } {
  const thick = dims.map((n) => Math.max(2, n)) as Point
  const out = new (data.constructor as new (length: number) => T)(product(thick))
  const single = dims.map((n) => n === 1)
  const at = (n: number, axis: 0 | 1 | 2): number => (single[axis] ? 0 : n)
  let to = 0
  for (let k = 0; k < thick[2]; k++) {
    for (let j = 0; j < thick[1]; j++) {
      const row = dims[0] * (at(j, 1) + dims[1] * at(k, 2))
      for (let i = 0; i < thick[0]; i++) out[to++] = data[row + at(i, 0)]!
    }
  }
  return { data: out, dims: thick }
}

/** One slice of the copy. */
function blocksOf(
  data: Values,
  [ni, nj, nk]: Point,
  [si, sj, sk]: Point,
  [mi, mj]: Point,
  slice: number,
  combine: Combine,
): Float32Array {
  const mean = combine === 'mean'
  const values = new Float32Array(mi * mj).fill(mean ? 0 : Number.NEGATIVE_INFINITY)
  const last = Math.min(nk, (slice + 1) * sk)
  for (let k = slice * sk; k < last; k++) {
    for (let j = 0; j < nj; j++) {
      const row = ni * (j + nj * k)
      const to = mi * Math.floor(j / sj)
      for (let i = 0, n = to, left = si; i < ni; i++) {
        const value = data[row + i]!
        if (mean) values[n]! += value
        else if (value > values[n]!) values[n] = value
        if (--left === 0) [n, left] = [n + 1, si]
      }
    }
  }
  if (!mean) return values
  const depth = last - slice * sk
  return values.map((sum, n) => {
    const [i, j] = [n % mi, Math.floor(n / mi)]
    const count = Math.min(si, ni - i * si) * Math.min(sj, nj - j * sj) * depth
    return sum / count
  })
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}

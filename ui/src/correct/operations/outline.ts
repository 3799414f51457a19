/** The border of voxels on a slice, for drawing. */

import type { Point } from '../../schemas'
import { layoutOf, type Slice } from './slice'

/** A straight part of the border, from (u, v) to (u, v), in voxels; centres have whole numbers. */
export type Segment = readonly [number, number, number, number]

/** Sides of voxels in the runs whose neighbour on the slice is not in them. */
export function outlineOf(runs: Uint32Array, dims: Point, slice: Slice): Segment[] {
  const { nu, nv } = layoutOf(dims, slice)
  const mask = maskOf(runs, dims, slice)
  const inside = (u: number, v: number): boolean =>
    u >= 0 && v >= 0 && u < nu && v < nv && mask[u + nu * v] === 1
  const segments: Segment[] = []
  for (let v = 0; v <= nv; v++) {
    for (const [from, to] of stretches(nu, (u) => inside(u, v) !== inside(u, v - 1))) {
      segments.push([from - 0.5, v - 0.5, to - 0.5, v - 0.5])
    }
  }
  for (let u = 0; u <= nu; u++) {
    for (const [from, to] of stretches(nv, (v) => inside(u, v) !== inside(u - 1, v))) {
      segments.push([u - 0.5, from - 0.5, u - 0.5, to - 0.5])
    }
  }
  return segments
}

function maskOf(runs: Uint32Array, dims: Point, slice: Slice): Uint8Array {
  const { nu, nv, start, du, dv } = layoutOf(dims, slice)
  const mask = new Uint8Array(nu * nv)
  const bounds = boundsOf(runs)
  for (let v = 0; v < nv; v++) {
    for (let u = 0; u < nu; u++) {
      const index = start + u * du + v * dv
      if (index >= bounds[0] && index < bounds[1] && has(runs, index)) mask[u + nu * v] = 1
    }
  }
  return mask
}

function boundsOf(runs: Uint32Array): [number, number] {
  return runs.length === 0 ? [0, 0] : [runs[0]!, runs.at(-2)! + runs.at(-1)!]
}

function has(runs: Uint32Array, index: number): boolean {
  let [low, high] = [0, runs.length / 2]
  while (low < high) {
    const middle = (low + high) >> 1
    if (runs[2 * middle]! + runs[2 * middle + 1]! <= index) low = middle + 1
    else high = middle
  }
  return 2 * low < runs.length && runs[2 * low]! <= index
}

/** Ranges of numbers below `count` for which a test holds; the second one is exclusive. */
function* stretches(count: number, test: (n: number) => boolean): Generator<[number, number]> {
  let from = -1
  for (let n = 0; n <= count; n++) {
    const holds = n < count && test(n)
    if (holds && from < 0) from = n
    if (!holds && from >= 0) {
      yield [from, n]
      from = -1
    }
  }
}

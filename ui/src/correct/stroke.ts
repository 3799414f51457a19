/**
 * The voxels under a brush that is moved along a line: those whose centre is at most the radius
 * away from the line, in mm. Coordinates are those of voxels, with fractions.
 */

import type { Point } from '../schemas'
import { type LabelVolume, Runs } from './labels'

const TOLERANCE = 1e-6 // mm: a centre exactly on the border is inside, however it is rounded

export type Shape = Pick<LabelVolume, 'dims' | 'spacing'>

/** On one slice along an axis. Returns runs of flat indices. */
export function discStroke(
  shape: Shape,
  axis: 0 | 1 | 2,
  from: Point,
  to: Point,
  radius: number,
): Uint32Array {
  return stroke(shape, from, to, radius, axis)
}

/** In all directions. */
export function ballStroke(shape: Shape, from: Point, to: Point, radius: number): Uint32Array {
  return stroke(shape, from, to, radius, null)
}

function stroke(
  { dims, spacing }: Shape,
  from: Point,
  to: Point,
  radius: number,
  flat: 0 | 1 | 2 | null,
): Uint32Array {
  const runs = new Runs()
  const [low, high] = boxOf(dims, spacing, from, to, radius, flat)
  const inside = distanceTest(spacing, from, to, radius)
  for (let k = low[2]; k <= high[2]; k++) {
    for (let j = low[1]; j <= high[1]; j++) {
      const row = dims[0] * (j + dims[1] * k)
      for (let i = low[0]; i <= high[0]; i++) if (inside(i, j, k)) runs.add(row + i, 1)
    }
  }
  return runs.toArray()
}

/** The first and last voxels that may be inside. */
function boxOf(
  dims: Point,
  spacing: Point,
  from: Point,
  to: Point,
  radius: number,
  flat: number | null,
): [Point, Point] {
  const low = dims.map((_, n) => {
    if (n === flat) return Math.round(from[n]!)
    const reach = (radius + TOLERANCE) / spacing[n]!
    return Math.max(0, Math.ceil(Math.min(from[n]!, to[n]!) - reach))
  }) as Point
  const high = dims.map((count, n) => {
    if (n === flat) return Math.round(from[n]!)
    const reach = (radius + TOLERANCE) / spacing[n]!
    return Math.min(count - 1, Math.floor(Math.max(from[n]!, to[n]!) + reach))
  }) as Point
  return [low, high]
}

/** Whether a voxel's centre is near enough to the line. */
function distanceTest(
  [x, y, z]: Point,
  from: Point,
  to: Point,
  radius: number,
): (i: number, j: number, k: number) => boolean {
  const most = (radius + TOLERANCE) ** 2
  const [a, b, c] = [(to[0] - from[0]) * x, (to[1] - from[1]) * y, (to[2] - from[2]) * z]
  const squared = a * a + b * b + c * c
  return (i, j, k) => {
    const [u, v, w] = [(i - from[0]) * x, (j - from[1]) * y, (k - from[2]) * z]
    const share = squared === 0 ? 0 : (u * a + v * b + w * c) / squared
    const t = Math.min(1, Math.max(0, share))
    return (u - t * a) ** 2 + (v - t * b) ** 2 + (w - t * c) ** 2 <= most
  }
}

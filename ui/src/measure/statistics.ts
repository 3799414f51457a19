/** Statistics of the voxels inside a region. The service computes the same for reports. */

import type { Point } from '../schemas'
import { indexOf, toVoxel } from '../viewer/geometry'
import type { Grid } from '../viewer/nifti'
import { type Drawn, isRegion } from './measurement'

export interface Statistics {
  /** Voxels whose centre is inside. */
  voxels: number
  /** Null, as the following: without a value, or for a colour image. */
  mean: number | null
  /** Standard deviation of these voxels. */
  sd: number | null
  minimum: number | null
  maximum: number | null
}

/** Voxels this far outside of a region, as a fraction of a voxel, count: both sides round alike. */
const BORDER = 1e-3
const SLICE = 0.05 // fraction of a voxel by which corners may miss their slice

/** Null for what has no values inside, such as a length. `flat`: an image. */
export function statisticsOf(drawn: Drawn, grid: Grid, flat: boolean): Statistics | null {
  const corners = drawn.points.map((point) => voxelOf(point, grid, flat))
  if (drawn.kind === 'probe') return summed([nearest(corners[0]!, grid)], grid)
  if (!isRegion(drawn.kind)) return null
  const axis = flat ? 2 : sliceAxis(corners)
  return axis === null ? null : summed(inside(drawn, corners, axis, grid), grid)
}

/** Index into the stored volume, with fractions; the last row of an image is at j = 0. */
export function voxelOf(point: Point, grid: Grid, flat: boolean): Point {
  return flat ? [point[0], grid.dims[1] - 1 - point[1], 0] : toVoxel(grid.affine, point)
}

/** The axis along which all points are in the same slice. */
function sliceAxis(voxels: Point[]): number | null {
  const axis = [0, 1, 2].find((n) =>
    voxels.every((voxel) => Math.abs(voxel[n]! - Math.round(voxels[0]![n]!)) <= SLICE),
  )
  return axis ?? null
}

function nearest(voxel: Point, { dims }: Grid): Point {
  return voxel.map((n, axis) => Math.min(dims[axis]! - 1, Math.max(0, Math.round(n)))) as Point
}

/** The voxels of one slice whose centre is in the region. */
function* inside({ kind }: Drawn, corners: Point[], axis: number, grid: Grid): Generator<Point> {
  const [u, v] = [0, 1, 2].filter((n) => n !== axis) as [number, number]
  const range = (n: number): [number, number] => {
    const all = corners.map((corner) => corner[n]!)
    const first = Math.max(0, Math.ceil(Math.min(...all) - BORDER))
    return [first, Math.min(grid.dims[n]! - 1, Math.floor(Math.max(...all) + BORDER))]
  }
  const contains = kind === 'ellipse' ? ellipse(corners, u, v) : () => true
  const voxel: Point = [0, 0, 0]
  voxel[axis] = Math.round(corners[0]![axis]!)
  const [[u0, u1], [v0, v1]] = [range(u), range(v)]
  for (voxel[v] = v0; voxel[v]! <= v1; voxel[v]! += 1) {
    for (voxel[u] = u0; voxel[u]! <= u1; voxel[u]! += 1) {
      if (contains(voxel)) yield voxel
    }
  }
}

/** Whether a voxel is in the ellipse with these ends of its axes, which lie along the grid's. */
function ellipse(ends: Point[], u: number, v: number): (voxel: Point) => boolean {
  const middle = (n: number): number => ends.reduce((sum, end) => sum + end[n]!, 0) / 4
  const half = (n: number): number => Math.max(...ends.map((end) => Math.abs(end[n]! - middle(n))))
  const [a, b, p, q] = [middle(u), middle(v), half(u), half(v)]
  const most = 1 + BORDER / Math.min(p, q)
  return (voxel) => Math.hypot((voxel[u]! - a) / p, (voxel[v]! - b) / q) <= most
}

function summed(voxels: Iterable<Point>, grid: Grid): Statistics {
  let [count, known, mean, squares] = [0, 0, 0, 0]
  let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const voxel of voxels) {
    count += 1
    const value = grid.data[indexOf(voxel, grid.dims)]! * grid.slope + grid.intercept
    if (grid.components > 1 || !Number.isFinite(value)) continue
    known += 1
    const moved = value - mean
    mean += moved / known
    squares += moved * (value - mean)
    minimum = Math.min(minimum, value)
    maximum = Math.max(maximum, value)
  }
  if (known === 0) return { voxels: count, mean: null, sd: null, minimum: null, maximum: null }
  return { voxels: count, mean, sd: Math.sqrt(squares / known), minimum, maximum }
}

/** Where the scans of two viewers are. */

import type { Point } from '../schemas'
import { toWorld } from '../viewer/geometry'
import type { Grid } from '../viewer/nifti'
import type { Viewer } from '../viewer/port'

type Placed = Pick<Grid, 'dims' | 'affine'>

/** The middle of a viewer's scan, in RAS+ mm. */
export function middleOf({ grid }: Viewer): Point {
  const [i, j, k] = grid?.dims ?? [1, 1, 1]
  const middle: Point = [(i - 1) / 2, (j - 1) / 2, (k - 1) / 2]
  return grid === null ? middle : toWorld(grid.affine, middle)
}

/** Whether the scans of two viewers may share a place. */
export function overlap(one: Viewer, other: Viewer): boolean {
  return one.grid !== null && other.grid !== null && boxesOverlap(one.grid, other.grid)
}

/** Whether the boxes around two grids, along the axes of the world, overlap. */
export function boxesOverlap(one: Placed, other: Placed): boolean {
  const [a, b] = [boxOf(one), boxOf(other)]
  return [0, 1, 2].every((n) => a.low[n]! < b.high[n]! && b.low[n]! < a.high[n]!)
}

function boxOf({ dims, affine }: Placed): { low: Point; high: Point } {
  const ends = dims.map((n) => [-0.5, n - 0.5])
  const corners = ends[0]!.flatMap((i) =>
    ends[1]!.flatMap((j) => ends[2]!.map((k) => toWorld(affine, [i, j, k]))),
  )
  const along = (pick: (...values: number[]) => number): Point =>
    [0, 1, 2].map((n) => pick(...corners.map((corner) => corner[n]!))) as Point
  return { low: along(Math.min), high: along(Math.max) }
}

/** World and voxel coordinates; an affine is 4 x 4, in rows. */

import type { Point } from '../schemas'

export type Affine = number[][]

/** Voxel index (i, j, k) -> RAS+ mm. */
export function toWorld(affine: Affine, [i, j, k]: Point): Point {
  const along = (row: number[]): number => row[0]! * i + row[1]! * j + row[2]! * k + row[3]!
  return [along(affine[0]!), along(affine[1]!), along(affine[2]!)]
}

/** RAS+ mm -> the voxel that contains the point (Cramer's rule); NaN for a singular affine. */
export function toVoxel(affine: Affine, [x, y, z]: Point): Point {
  const columns = [0, 1, 2].map((c) => affine.slice(0, 3).map((row) => row[c]!))
  const [a, b, c] = columns as [number[], number[], number[]]
  const d = [x - affine[0]![3]!, y - affine[1]![3]!, z - affine[2]![3]!]
  const denominator = determinant(a, b, c)
  return [
    Math.round(determinant(d, b, c) / denominator),
    Math.round(determinant(a, d, c) / denominator),
    Math.round(determinant(a, b, d) / denominator),
  ]
}

function determinant(a: number[], b: number[], c: number[]): number {
  return (
    a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) -
    b[0]! * (a[1]! * c[2]! - a[2]! * c[1]!) +
    c[0]! * (a[1]! * b[2]! - a[2]! * b[1]!)
  )
}

/** Index into voxels stored with i fastest, or -1 outside the grid. */
export function indexOf([i, j, k]: Point, [ni, nj, nk]: Point): number {
  const inside = i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk
  return inside ? i + ni * (j + nj * k) : -1
}

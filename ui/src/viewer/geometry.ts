/** World and voxel coordinates, and the planes of a grid. An affine is 4 x 4, in rows. */

import type { Point } from '../schemas'
import type { Plane } from './port'

export type Affine = number[][]

export const PLANES: readonly Plane[] = ['axial', 'coronal', 'sagittal']

/** Voxel index (i, j, k) -> RAS+ mm. */
export function toWorld(affine: Affine, [i, j, k]: Point): Point {
  const along = (row: number[]): number => row[0]! * i + row[1]! * j + row[2]! * k + row[3]!
  return [along(affine[0]!), along(affine[1]!), along(affine[2]!)]
}

/** RAS+ mm -> voxel coordinates, with fractions (Cramer's rule); NaN for a singular affine. */
export function toVoxel(affine: Affine, [x, y, z]: Point): Point {
  const [a, b, c] = [0, 1, 2].map((n) => columnOf(affine, n)) as [Point, Point, Point]
  const d: Point = [x - affine[0]![3]!, y - affine[1]![3]!, z - affine[2]![3]!]
  const whole = dot(a, cross(b, c))
  return [dot(d, cross(b, c)) / whole, dot(a, cross(d, c)) / whole, dot(a, cross(b, d)) / whole]
}

/** Index into voxels stored with i fastest, or -1 outside the grid. */
export function indexOf([i, j, k]: Point, [ni, nj, nk]: Point): number {
  const inside = i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk
  return inside ? i + ni * (j + nj * k) : -1
}

export function dot(a: Point, b: Point): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

export function cross(a: Point, b: Point): Point {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/** a + b * factor */
export function plus(a: Point, b: Point, factor = 1): Point {
  return [a[0] + b[0] * factor, a[1] + b[1] * factor, a[2] + b[2] * factor]
}

export function scaled(a: Point, factor: number): Point {
  return [a[0] * factor, a[1] * factor, a[2] * factor]
}

function unit(a: Point): Point {
  return scaled(a, 1 / Math.hypot(...a))
}

function columnOf(affine: Affine, n: number): Point {
  return [affine[0]![n]!, affine[1]![n]!, affine[2]![n]!]
}

/** How a plane is drawn. `right` and `up` are unit vectors in RAS+. */
export interface PlaneAxes {
  /** The voxel axis that the slices are counted along. */
  axis: 0 | 1 | 2
  /** The step of the voxel index to the next slice. */
  next: 1 | -1
  right: Point
  up: Point
}

/**
 * Where right and up point to in each plane (RAS+), in the radiological convention: the patient's
 * left is on the right of the screen; in the sagittal plane the nose points to the left. The next
 * slice is nearer to the feet, to the back and to the left.
 */
const CONVENTION: Record<Plane, { right: Point; up: Point; next: Point }> = {
  axial: { right: [-1, 0, 0], up: [0, 1, 0], next: [0, 0, -1] },
  coronal: { right: [-1, 0, 0], up: [0, 0, 1], next: [0, -1, 0] },
  sagittal: { right: [0, -1, 0], up: [0, 0, 1], next: [-1, 0, 0] },
}

/**
 * The volume's own slices that are nearest to the anatomical planes: an oblique volume is drawn
 * slice by slice as it was stored, not resampled.
 */
export function planesOf(affine: Affine): Record<Plane, PlaneAxes> {
  const columns = orthonormal(affine)
  const order = nearestAxes(columns)
  const along = (wanted: Point): Point => {
    const column = columns[order[wanted.findIndex((n) => n !== 0)]!]!
    return dot(column, wanted) < 0 ? scaled(column, -1) : column
  }
  const plane = (name: Plane, anatomical: 0 | 1 | 2): PlaneAxes => {
    const { right, up, next } = CONVENTION[name]
    const axis = order[anatomical]!
    return { axis, next: dot(columns[axis], next) > 0 ? 1 : -1, right: along(right), up: along(up) }
  }
  return { axial: plane('axial', 2), coronal: plane('coronal', 1), sagittal: plane('sagittal', 0) }
}

/** The direction of each voxel axis; a sheared grid is straightened (Gram-Schmidt). */
export function orthonormal(affine: Affine): [Point, Point, Point] {
  const [a, b, c] = [0, 1, 2].map((n) => columnOf(affine, n)) as [Point, Point, Point]
  const first = unit(a)
  const second = unit(plus(b, first, -dot(b, first)))
  const third = cross(first, second)
  return [first, second, dot(third, c) < 0 ? scaled(third, -1) : third]
}

export function spacingOf(affine: Affine): Point {
  return [0, 1, 2].map((n) => Math.hypot(...columnOf(affine, n))) as Point
}

const ORDERS: (0 | 1 | 2)[][] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

/** The voxel axis nearest to x, to y and to z, each used once. */
function nearestAxes(columns: [Point, Point, Point]): (0 | 1 | 2)[] {
  const match = (order: number[]): number =>
    order.reduce((sum, axis, n) => sum + Math.abs(columns[axis]![n]!), 0)
  return ORDERS.reduce((best, order) => (match(order) > match(best) ? order : best))
}

const LETTERS = ['RL', 'AP', 'SI']
const OBLIQUE = 0.2 // sine of the angle from which a second letter is shown

/** The side of the patient that a direction points to, "L" or "LA" if it is oblique. */
export function lettersOf(direction: Point): string {
  return [0, 1, 2]
    .filter((n) => Math.abs(direction[n]!) > OBLIQUE)
    .sort((a, b) => Math.abs(direction[b]!) - Math.abs(direction[a]!))
    .map((n) => LETTERS[n]![direction[n]! > 0 ? 0 : 1])
    .join('')
}

/** A round length of at most `most` mm: 1, 2 or 5 times a power of ten. */
export function roundLength(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most))
  return [5, 2, 1].map((n) => n * power).find((length) => length <= most) ?? power
}

/**
 * Where a grid is in the scene that is drawn. The scene of a volume is DICOM's patient space
 * (LPS, mm); that of an image has x along its rows, and y down along its columns.
 */

import type { Point } from '../schemas'
import {
  cross,
  dot,
  lettersOf,
  orthonormal,
  PLANES,
  type PlaneAxes,
  planesOf,
  plus,
  scaled,
  spacingOf,
} from './geometry'
import type { Grid } from './nifti'
import type { Plane } from './port'

/** A plane on screen; its directions are unit vectors in the scene. */
export interface Orientation extends PlaneAxes {
  /** From the slice to the reader. */
  normal: Point
  /** Sides of the patient at the left, right, top and bottom; empty for an image. */
  letters: { left: string; right: string; top: string; bottom: string } | null
}

export class Space {
  private constructor(
    /** Voxels along each axis, as stored. */
    readonly dims: Point,
    /** Every n-th voxel is drawn, along each axis. */
    readonly step: Point,
    private readonly origin: Point,
    /** The unit vector of each voxel axis. */
    readonly directions: [Point, Point, Point],
    readonly spacing: Point,
    readonly planes: Partial<Record<Plane, Orientation>>,
  ) {}

  static ofVolume({ dims, affine }: Grid, step: Point): Space {
    const directions = orthonormal(affine).map(flipped) as [Point, Point, Point]
    const origin = flipped([affine[0]![3]!, affine[1]![3]!, affine[2]![3]!])
    const axes = planesOf(affine)
    const planes = Object.fromEntries(
      PLANES.map((plane) => {
        const { right, up } = axes[plane]
        return [plane, oriented({ ...axes[plane], right: flipped(right), up: flipped(up) }, true)]
      }),
    )
    return new Space(dims, step, origin, directions, spacingOf(affine), planes)
  }

  /** The last row of an image is at j = 0, so the scene begins at the last drawn row. */
  static ofImage({ dims, affine }: Grid, step: Point): Space {
    const spacing = spacingOf(affine)
    const top = (Math.ceil(dims[1] / step[1]) - 1) * step[1]
    const directions: [Point, Point, Point] = [
      [1, 0, 0],
      [0, -1, 0],
      [0, 0, 1],
    ]
    const axial = oriented({ axis: 2, next: 1, right: [1, 0, 0], up: [0, -1, 0] }, false)
    return new Space(dims, step, [0, top * spacing[1], 0], directions, spacing, { axial })
  }

  toScene(voxel: Point): Point {
    return [0, 1, 2].reduce<Point>(
      (sum, n) => plus(sum, this.directions[n]!, voxel[n]! * this.spacing[n]!),
      this.origin,
    )
  }

  toVoxel(scene: Point): Point {
    const offset = plus(scene, this.origin, -1)
    return [0, 1, 2].map((n) => dot(offset, this.directions[n]!) / this.spacing[n]!) as Point
  }

  /** The drawn voxel nearest to voxel coordinates. */
  nearest(voxel: Point): Point {
    return voxel.map((value, n) => {
      const last = Math.ceil(this.dims[n]! / this.step[n]!) - 1
      return Math.min(last, Math.max(0, Math.round(value / this.step[n]!))) * this.step[n]!
    }) as Point
  }

  get middle(): Point {
    return this.toScene(this.dims.map((n) => (n - 1) / 2) as Point)
  }

  /** Length of the grid along a direction of the scene. */
  extent(direction: Point): number {
    return [0, 1, 2].reduce(
      (sum, n) =>
        sum + Math.abs(dot(this.directions[n]!, direction)) * this.dims[n]! * this.spacing[n]!,
      0,
    )
  }
}

/** `axes` in the scene. */
function oriented(axes: PlaneAxes, patient: boolean): Orientation {
  const { right, up } = axes
  const side = (direction: Point, sign: number): string =>
    lettersOf(scaled(flipped(direction), sign))
  const letters = {
    left: side(right, -1),
    right: side(right, 1),
    top: side(up, 1),
    bottom: side(up, -1),
  }
  return { ...axes, normal: cross(right, up), letters: patient ? letters : null }
}

/** RAS+ <-> LPS+ */
function flipped([x, y, z]: Point): Point {
  return [-x, -y, z]
}

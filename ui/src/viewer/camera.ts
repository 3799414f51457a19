/** What a pane shows: a rectangle of a slice, in the scene. */

import type { Point } from '../schemas'
import { dot, plus, scaled } from './geometry'
import type { Orientation, Space } from './space'

export interface Size {
  width: number
  height: number
}

/** Shared by all panes. */
export interface Look {
  /** A point of every slice on screen. */
  point: Point
  /** The point in the middle of the panes, projected on their slices. */
  centre: Point
  zoom: number
}

export class Camera {
  /** The point of the slice in the middle of the pane. */
  readonly focus: Point
  /** Millimetres of a CSS pixel. */
  readonly scale: number

  constructor(
    space: Space,
    readonly plane: Orientation,
    { point, centre, zoom }: Look,
    readonly size: Size,
    /** Another grid, with the plane of the same name, that is drawn at the same scale. */
    beside: [Space, Orientation] | null = null,
  ) {
    this.focus = plus(centre, plane.normal, dot(plus(point, centre, -1), plane.normal))
    const needed = (one: Space, { right, up }: Orientation): number =>
      Math.max(one.extent(right) / size.width, one.extent(up) / size.height)
    this.scale = Math.max(needed(space, plane), beside === null ? 0 : needed(...beside)) / zoom
  }

  /** Half the height of the pane in mm. */
  get halfHeight(): number {
    return (this.scale * this.size.height) / 2
  }

  /** CSS pixels from the pane's upper left. */
  toPixel(scene: Point): { x: number; y: number } {
    const offset = plus(scene, this.focus, -1)
    return {
      x: this.size.width / 2 + dot(offset, this.plane.right) / this.scale,
      y: this.size.height / 2 - dot(offset, this.plane.up) / this.scale,
    }
  }

  toScene({ x, y }: { x: number; y: number }): Point {
    const along = plus(this.focus, this.plane.right, (x - this.size.width / 2) * this.scale)
    return plus(along, this.plane.up, (this.size.height / 2 - y) * this.scale)
  }

  /** The movement in the scene of a drag by pixels. */
  shift(dx: number, dy: number): Point {
    return plus(scaled(this.plane.right, dx * this.scale), this.plane.up, -dy * this.scale)
  }

  /** Distance of a point from the slice, in mm. */
  distance(scene: Point): number {
    return Math.abs(dot(plus(scene, this.focus, -1), this.plane.normal))
  }
}

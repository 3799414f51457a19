/** The camera that looks at a volume from outside, in a parallel projection. */

import type { Point } from '../schemas'
import type { Size } from './camera'
import { cross, dot, plus, scaled } from './geometry'

const TURN = Math.PI // radians of a drag over the shorter side of the pane

/** What is drawn in the middle of the pane, and how far it reaches around it (mm). */
export interface Ball {
  middle: Point
  radius: number
}

export class Orbit {
  private constructor(
    /** The point in the middle of the pane. */
    readonly focus: Point,
    /** From the focus to the reader. */
    readonly normal: Point,
    readonly up: Point,
    /** Half of the shorter side of the pane, in mm. */
    readonly reach: number,
  ) {}

  static around({ middle, radius }: Ball, normal: Point, up: Point): Orbit {
    return new Orbit(middle, normal, up, radius)
  }

  get right(): Point {
    return cross(this.up, this.normal)
  }

  /** Millimetres of a CSS pixel. */
  scale({ width, height }: Size): number {
    return (2 * this.reach) / Math.min(width, height)
  }

  /** Seen from another side. */
  from(normal: Point, up: Point): Orbit {
    return new Orbit(this.focus, normal, up, this.reach)
  }

  /** Turned by a drag of (dx, dy) CSS pixels: the side that is nearest follows the pointer. */
  turned(dx: number, dy: number, { width, height }: Size): Orbit {
    const angle = TURN / Math.min(width, height)
    const across = rotated(this.normal, this.up, -dx * angle)
    const { right } = new Orbit(this.focus, across, this.up, this.reach)
    const tilt = -dy * angle
    return this.from(rotated(across, right, tilt), rotated(this.up, right, tilt))
  }

  moved(dx: number, dy: number, size: Size): Orbit {
    const mm = this.scale(size)
    const focus = plus(plus(this.focus, this.right, -dx * mm), this.up, dy * mm)
    return new Orbit(focus, this.normal, this.up, this.reach)
  }

  zoomed(factor: number): Orbit {
    return new Orbit(this.focus, this.normal, this.up, this.reach / factor)
  }

  /** CSS pixels from the pane's upper left. */
  toPixel(scene: Point, size: Size): { x: number; y: number } {
    const offset = plus(scene, this.focus, -1)
    const mm = this.scale(size)
    return {
      x: size.width / 2 + dot(offset, this.right) / mm,
      y: size.height / 2 - dot(offset, this.up) / mm,
    }
  }

  /** The point of the plane through the focus that is drawn at a pixel. */
  toScene({ x, y }: { x: number; y: number }, size: Size): Point {
    const mm = this.scale(size)
    const along = plus(this.focus, this.right, (x - size.width / 2) * mm)
    return plus(along, this.up, (size.height / 2 - y) * mm)
  }
}

/** Turns a vector about a unit vector, counter-clockwise as seen against it (Rodrigues). */
export function rotated(vector: Point, axis: Point, angle: number): Point {
  const [c, s] = [Math.cos(angle), Math.sin(angle)]
  const along = scaled(axis, dot(axis, vector) * (1 - c))
  return plus(plus(scaled(vector, c), cross(axis, vector), s), along)
}

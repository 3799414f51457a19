/** From what the reader places on the screen to the points of a measurement, and back. */

import type { Point } from '../schemas'
import type { At, DrawingSurface } from '../viewer/port'
import { type Drawn, isRegion, type Kind } from './measurement'

/** The points of a measurement from the placed ones: a region is given by two opposite corners. */
export function pointsOf(kind: Kind, placed: Point[], surface: DrawingSurface): Point[] {
  if (!isRegion(kind)) return placed
  const [a, c] = placed.map((point) => surface.toPixel(point)) as [At, At]
  return regionOf(kind, a, c).map((at) => surface.toPoint(at))
}

function regionOf(kind: Kind, a: At, c: At): At[] {
  if (kind === 'rectangle') return [a, { x: c.x, y: a.y }, c, { x: a.x, y: c.y }]
  const [x, y] = [(a.x + c.x) / 2, (a.y + c.y) / 2]
  return [
    { x: a.x, y },
    { x: c.x, y },
    { x, y: a.y },
    { x, y: c.y },
  ]
}

/** The points after one of them was dragged to another place. */
export function dragged(
  { kind, points }: Drawn,
  n: number,
  to: At,
  surface: DrawingSurface,
): Point[] {
  const at = points.map((point) => surface.toPixel(point))
  if (kind === 'rectangle') {
    return pointsOf(kind, [points[(n + 2) % 4]!, surface.toPoint(to)], surface)
  }
  if (kind !== 'ellipse') {
    return points.map((point, index) => (index === n ? surface.toPoint(to) : point))
  }
  // the opposite end stays where it is; the other axis is as long as before
  const moved = n < 2 ? { x: to.x, y: at[n]!.y } : { x: at[n]!.x, y: to.y }
  const ends = at.map((one, index) => (index === n ? moved : one))
  const corner = (i: number, j: number): At => ({ x: ends[i]!.x, y: ends[j]!.y })
  const corners = [corner(0, 2), corner(1, 3)]
  return pointsOf(
    kind,
    corners.map((one) => surface.toPoint(one)),
    surface,
  )
}

/** Whether the placed points make a measurement with a size. */
export function isProper(kind: Kind, points: Point[]): boolean {
  const apart = (a: Point, b: Point): boolean => Math.hypot(...a.map((n, i) => n - b[i]!)) > 1e-6
  if (kind === 'probe') return true
  if (kind === 'ellipse') return apart(points[0]!, points[1]!) && apart(points[2]!, points[3]!)
  if (kind === 'length') return apart(points[0]!, points[1]!)
  return apart(points[0]!, points[1]!) && apart(points[1]!, points[2]!)
}

/** A measurement as a whole: how near a place is to its line, and where it is after it was moved. */

import type { Point } from '../schemas'
import type { At, DrawingSurface } from '../viewer/port'
import { type Drawn, isRegion } from './measurement'

const ELLIPSE_PARTS = 64

/** From a place on screen to the line of a measurement, in CSS pixels. */
export function distanceTo({ kind, points }: Drawn, at: At, surface: DrawingSurface): number {
  const ends = points.map((point) => surface.toPixel(point))
  const line = kind === 'ellipse' ? aroundEllipse(ends as [At, At, At, At]) : ends
  const closed = isRegion(kind)
  const parts = line.slice(closed ? 0 : 1).map((to, n) => {
    const from = closed ? line[(n + line.length - 1) % line.length]! : line[n]!
    return distanceToPart(at, from, to)
  })
  return Math.min(...parts)
}

function aroundEllipse([a, b, c, d]: [At, At, At, At]): At[] {
  const middle = { x: (a.x + b.x) / 2, y: (c.y + d.y) / 2 }
  const rx = Math.max(Math.abs(b.x - a.x), Math.abs(d.x - c.x)) / 2
  const ry = Math.max(Math.abs(b.y - a.y), Math.abs(d.y - c.y)) / 2
  return Array.from({ length: ELLIPSE_PARTS }, (_, n) => {
    const turn = (2 * Math.PI * n) / ELLIPSE_PARTS
    return { x: middle.x + rx * Math.cos(turn), y: middle.y + ry * Math.sin(turn) }
  })
}

function distanceToPart(at: At, from: At, to: At): number {
  const [x, y] = [to.x - from.x, to.y - from.y]
  const length = x * x + y * y
  const along = length === 0 ? 0 : ((at.x - from.x) * x + (at.y - from.y) * y) / length
  const t = Math.min(1, Math.max(0, along))
  return Math.hypot(from.x + t * x - at.x, from.y + t * y - at.y)
}

/** The points, all moved by the same on screen. They stop together at the edge of the scan. */
export function movedBy(points: Point[], by: At, surface: DrawingSurface): Point[] {
  const held = points.map((point) => clamped(surface, surface.toPixel(point), by))
  const most = (name: 'x' | 'y'): number =>
    held.reduce((worst, one) => (Math.abs(one[name]) > Math.abs(worst) ? one[name] : worst), 0)
  const free = { x: by.x - most('x'), y: by.y - most('y') }
  return points.map((point) => {
    const at = surface.toPixel(point)
    return surface.toPoint({ x: at.x + free.x, y: at.y + free.y })
  })
}

/** How far beyond the edge of the scan a place would be after a move. */
function clamped(surface: DrawingSurface, at: At, by: At): At {
  const wanted = { x: at.x + by.x, y: at.y + by.y }
  const there = surface.toPixel(surface.toPoint(wanted))
  return { x: wanted.x - there.x, y: wanted.y - there.y }
}

/**
 * What one step to the right, or down, is on screen: one voxel, or several where they are smaller
 * than a pixel of the screen. `axes`: from a voxel to its neighbours.
 */
export function stepOf(
  surface: DrawingSurface,
  axes: readonly Point[],
  from: Point,
  right: number,
  down: number,
): At {
  const start = surface.toPixel(from)
  const steps = axes.map((axis) => {
    const to = surface.toPixel(from.map((n, i) => n + axis[i]!) as Point)
    return { x: to.x - start.x, y: to.y - start.y }
  })
  const longest = (name: 'x' | 'y'): number => Math.max(...steps.map((one) => Math.abs(one[name])))
  const sized = (count: number, pixels: number): number =>
    pixels === 0 ? 0 : count * pixels * Math.max(1, Math.ceil(1 / pixels))
  return {
    x: right === 0 ? 0 : sized(right, longest('x')),
    y: down === 0 ? 0 : sized(down, longest('y')),
  }
}

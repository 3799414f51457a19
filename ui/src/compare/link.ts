/** Two viewers that look at the same place, whatever the grids of their scans are. */

import type { Point } from '../schemas'
import type { Gaze, Viewer } from '../viewer/port'

type Looking = Pick<Viewer, 'gaze' | 'follow'>

export class Link {
  /** Whether the viewers move together. */
  on = true
  /** From a point of the first scan to the same place in the second one, in the scene. */
  private shift: Point = [0, 0, 0]
  /** Where each viewer looked when they were brought together. */
  private readonly known = ['', '']
  private busy = false

  constructor(private readonly viewers: [Looking, Looking]) {}

  get offset(): Point {
    return this.shift
  }

  set offset(offset: Point) {
    this.shift = offset
    this.bring(0)
  }

  /** Links the viewers as they look now: the places under both crosshairs are the same. */
  here(): void {
    const [first, second] = this.viewers.map((viewer) => viewer.gaze.point) as [Point, Point]
    this.on = true
    this.offset = [second[0] - first[0], second[1] - first[1], second[2] - first[2]]
  }

  /** A viewer was drawn: the other one follows if it looks elsewhere now. */
  drawn(side: 0 | 1): void {
    if (this.busy || !this.on || JSON.stringify(this.viewers[side].gaze) === this.known[side])
      return
    this.bring(side)
  }

  private bring(from: 0 | 1): void {
    const to = from === 0 ? 1 : 0
    this.busy = true
    this.viewers[to].follow(shifted(this.viewers[from].gaze, this.shift, from === 0 ? 1 : -1))
    this.busy = false
    for (const side of [0, 1] as const) this.known[side] = JSON.stringify(this.viewers[side].gaze)
  }
}

function shifted(gaze: Gaze, [x, y, z]: Point, sign: 1 | -1): Gaze {
  const moved = ([a, b, c]: Point): Point => [a + sign * x, b + sign * y, c + sign * z]
  return { ...gaze, point: moved(gaze.point), centre: moved(gaze.centre) }
}

/** RAS+ <-> LPS+; points of an image have no such axes, and keep their signs. */
export function turned([x, y, z]: Point, flat: boolean): Point {
  return flat ? [x, y, z] : [x === 0 ? 0 : -x, y === 0 ? 0 : -y, z]
}

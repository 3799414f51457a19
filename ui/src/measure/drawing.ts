/** What is being drawn, or dragged by a handle or its line, at the moment. */

import type { Point } from '../schemas'
import type { At, DrawingSurface } from '../viewer/port'
import { type Drawn, KINDS, type Kind } from './measurement'
import { movedBy } from './moving'
import { dragged, isProper, pointsOf } from './shape'

const CLICK = 4 // CSS pixels that a press may move and still be a click

interface Started {
  kind: Kind
  placed: Point[]
  plane: DrawingSurface['plane']
  /** Where the last point was placed by the pointer; null for a key. */
  from: At | null
  /** Where the next point would be. */
  next: Point
}

/** By what a measurement is held: the number of a handle, or its line, where it was pressed. */
export type Grip = number | At

interface Edit {
  drawn: Drawn
  grip: Grip
  /** Its points when it was taken: a move by its line is one from there. */
  start: Point[]
}

export interface DrawingEvents {
  finish: (kind: Kind, points: Point[]) => void
  /** A handle of a measurement was dragged, or all of it. */
  move: (drawn: Drawn, moved: Drawn) => void
  /** `edited`: a drag has ended. */
  changed: (edited: boolean) => void
  /** The next point is elsewhere. */
  redraw: () => void
  say: (text: string) => void
}

export class Drawing {
  private started: Started | null = null
  private edit: Edit | null = null

  constructor(private readonly events: DrawingEvents) {}

  /** The measurement that is dragged. */
  get held(): Drawn | null {
    return this.edit?.drawn ?? null
  }

  /** Whether there was something to forget. */
  cancel(): boolean {
    const any = this.started !== null
    this.started = null
    this.edit = null
    return any
  }

  /** A drawing ends with its slice: a region is on one slice. One by keys follows the crosshair. */
  check(surfaces: DrawingSurface[], crosshair: Point | null): void {
    const { started } = this
    if (started === null) return
    const surface = surfaces.find((one) => one.plane === started.plane)
    if (surface === undefined || !started.placed.every(surface.shows)) this.started = null
    else if (started.from === null && crosshair !== null) started.next = crosshair
  }

  /** What would be drawn if the next point was placed now. */
  preview(surface: DrawingSurface): Drawn | null {
    const { started } = this
    if (started === null || started.plane !== surface.plane) return null
    const placed = [...started.placed, started.next]
    const kind = placed.length < KINDS[started.kind].placed ? 'length' : started.kind
    const points = pointsOf(kind, placed, surface)
    return isProper(kind, points) ? { id: '', kind, label: '', points } : null
  }

  /** Two clicks, or a press that is dragged, place two points. */
  press(kind: Kind, surface: DrawingSurface, at: At): void {
    if (this.started?.plane !== surface.plane) this.place(kind, surface, surface.toPoint(at), at)
  }

  hold(drawn: Drawn, grip: Grip): void {
    this.edit = { drawn, grip, start: drawn.points }
  }

  move(surface: DrawingSurface, at: At): void {
    if (this.edit !== null) this.drag(surface, at)
    else if (this.started?.plane === surface.plane) {
      this.started.next = surface.toPoint(at)
      this.events.redraw()
    }
  }

  release(surface: DrawingSurface, at: At): void {
    const { started } = this
    if (this.edit !== null) this.drop()
    else if (started?.plane === surface.plane && !isClick(started.from, at)) {
      this.place(started.kind, surface, surface.toPoint(at), at)
    }
  }

  drop(): void {
    const edited = this.edit !== null
    this.edit = null
    this.events.changed(edited)
  }

  /** `from`: where the pointer is; null for a point that was placed by a key. */
  place(kind: Kind, surface: DrawingSurface, point: Point, from: At | null): void {
    const earlier = this.started?.plane === surface.plane ? this.started.placed : []
    const placed = [...earlier, point]
    if (placed.length < KINDS[kind].placed) {
      this.started = { kind, placed, plane: surface.plane, from, next: point }
      this.events.say(`Point ${placed.length} placed.`)
      this.events.changed(false)
      return
    }
    this.started = null
    const points = pointsOf(kind, placed, surface)
    if (isProper(kind, points)) this.events.finish(kind, points)
    else {
      this.events.say('Its points are at the same place.')
      this.events.changed(false)
    }
  }

  /** Does nothing while another slice is on screen: a figure stays on its slice. */
  private drag(surface: DrawingSurface, at: At): void {
    const { drawn, grip, start } = this.edit!
    if (!drawn.points.every(surface.shows)) return
    const points =
      typeof grip === 'number'
        ? dragged(drawn, grip, at, surface)
        : movedBy(start, { x: at.x - grip.x, y: at.y - grip.y }, surface)
    if (!isProper(drawn.kind, points)) return
    const moved = { ...drawn, points }
    this.edit = { drawn: moved, grip, start }
    this.events.move(drawn, moved)
  }
}

function isClick(from: At | null, to: At): boolean {
  return from !== null && Math.hypot(to.x - from.x, to.y - from.y) < CLICK
}

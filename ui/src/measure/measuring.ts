/** Measuring in the scan on screen: the tool, what is being drawn, and what was drawn. */

import type { Keys } from '../key_events'
import type { Point, Review } from '../schemas'
import type { At, Controls, Surface } from '../viewer/port'
import { type Figure, Layer } from './layer'
import { type Drawn, fromWire, isProper, KIND_NAMES, KINDS, type Kind, MOST, newId } from './measurement'
import { dragged, pointsOf } from './shape'
import { linesOf, type Measured } from './texts'

const CLICK = 4 // CSS pixels that a press may move and still be a click

/** The measurements of a review. */
export interface OfReview {
  review: Review
  drawn: Drawn[]
  shown: boolean
}

interface Started {
  kind: Kind
  placed: Point[]
  plane: Surface['plane']
  /** Where the last point was placed by the pointer; null for a key. */
  from: At | null
  /** Where the next point would be. */
  next: Point
}

export class Measuring {
  tool: Kind | null = null
  own: Drawn[] = []
  others: OfReview[] = []
  selected: string | null = null
  hidden = false
  /** What was deleted last, and its place in the list. */
  deleted: { drawn: Drawn; at: number } | null = null
  private scan: Measured | null = null
  private viewer: Controls | null = null
  private started: Started | null = null
  private edited: { drawn: Drawn; handle: number } | null = null
  private readonly layers = new Map<HTMLElement, Layer>()
  private texts = new WeakMap<Drawn, string[]>()

  /** `changed` is called after each change, `say` with what a screen reader should read. */
  constructor(
    private readonly changed: (edited: boolean) => void,
    private readonly say: (text: string) => void,
  ) {}

  /** Whether there is a scan to measure in. */
  get possible(): boolean {
    return this.scan !== null
  }

  /** The tools for the scan: without its values, there is no probe. */
  get kinds(): Kind[] {
    return KIND_NAMES.filter((kind) => kind !== 'probe' || this.scan?.grid != null)
  }

  /** Shows a scan, with the draft of its measurements. */
  open(viewer: Controls, scan: Measured, drafts: Drawn[]): void {
    this.viewer = viewer
    this.scan = scan
    this.own = drafts
    this.update(false)
  }

  close(): void {
    this.viewer = null
    this.scan = null
    this.own = []
    this.others = []
    this.deleted = null
    this.selected = null
    this.tool = null
    this.hidden = false
    this.started = null
    this.edited = null
    for (const layer of this.layers.values()) layer.clear()
    this.changed(false)
  }

  /** Shows the measurements of reviews that stand. */
  showReviews(reviews: Review[]): void {
    const known = new Map(this.others.map((one) => [one.review.id, one.shown]))
    this.others = reviews.flatMap((review) => {
      const drawn = fromWire(review.measurements)
      const shown = known.get(review.id) ?? true
      return drawn.length === 0 ? [] : [{ review, drawn, shown }]
    })
    this.update(false)
  }

  /** Replaces the reader's own measurements, for example after they were saved. */
  replace(drawn: Drawn[]): void {
    this.own = drawn
    this.deleted = null
    this.started = null
    this.update(false)
  }

  linesOf(drawn: Drawn): string[] {
    if (this.scan === null) return []
    let lines = this.texts.get(drawn)
    if (lines === undefined) {
      lines = linesOf(drawn, this.scan)
      this.texts.set(drawn, lines)
    }
    return lines
  }

  keys(): Keys {
    if (this.scan === null) return {}
    const tools = this.kinds.map((kind) => [KINDS[kind].key.toLowerCase(), () => this.choose(kind)])
    return {
      ...(Object.fromEntries(tools) as Keys),
      h: () => this.hide(!this.hidden),
      ...(this.selected === null ? {} : { Delete: () => this.remove(this.selected!) }),
      ...(this.deleted === null ? {} : { z: () => this.undo() }),
      ...(this.tool === null ? {} : this.toolKeys()),
    }
  }

  private toolKeys(): Keys {
    const step = (right: number, down: number) => () => this.viewer?.step(right, down)
    return {
      x: () => this.placeByKey(),
      Escape: () => this.cancel(),
      ArrowLeft: step(-1, 0),
      ArrowRight: step(1, 0),
      ArrowUp: step(0, -1),
      ArrowDown: step(0, 1),
    }
  }

  /** Takes a tool, or puts it down if it is in the hand. */
  choose(kind: Kind): void {
    this.started = null
    this.tool = this.tool === kind ? null : kind
    if (this.tool !== null) {
      this.hidden = false
      const { name, placed } = KINDS[kind]
      const places = placed === 1 ? 'the point' : `${placed} points`
      this.say(`${name}: place ${places} by the mouse, or by arrow keys and X. Escape ends.`)
    }
    this.update(false)
  }

  /** Forgets what is being drawn; without it, puts the tool down. */
  cancel(): void {
    if (this.started === null) this.tool = null
    this.say(this.started === null ? 'Measuring ended.' : 'Cancelled.')
    this.started = null
    this.update(false)
  }

  hide(hidden: boolean): void {
    this.hidden = hidden
    this.update(false)
  }

  showOthers(one: OfReview, shown: boolean): void {
    one.shown = shown
    this.update(false)
  }

  goTo(drawn: Drawn, own: boolean): void {
    const { viewer, scan } = this
    if (viewer === null || scan === null) return
    if (own) this.selected = drawn.id
    const [x, y, z] = drawn.points[0]!
    const world = scan.flat ? viewer.worldOfPixel(y, x) : ([x, y, z] as Point)
    if (world !== null) viewer.jump(world)
    this.update(false)
  }

  rename(id: string, label: string): void {
    this.own = this.own.map((one) => (one.id === id ? this.renamed(one, label) : one))
    this.update(true)
  }

  private renamed(one: Drawn, label: string): Drawn {
    const made = { ...one, label }
    this.texts.set(made, this.linesOf(one))
    return made
  }

  remove(id: string): void {
    const at = this.own.findIndex((one) => one.id === id)
    const drawn = this.own[at]
    if (drawn === undefined) return
    this.own = this.own.filter((one) => one !== drawn)
    this.deleted = { drawn, at }
    this.selected = (this.own[at] ?? this.own[at - 1])?.id ?? null
    this.say('Deleted. Z brings it back.')
    this.update(true)
  }

  undo(): void {
    if (this.deleted === null) return
    const { drawn, at } = this.deleted
    this.own = this.own.toSpliced(at, 0, drawn)
    this.deleted = null
    this.selected = drawn.id
    this.update(true)
  }

  /** Draws everything again: the viewer has moved. */
  redraw(): void {
    const surfaces = this.viewer?.surfaces ?? []
    const { started } = this
    if (started !== null && !this.onScreen(started, surfaces)) this.started = null
    for (const surface of surfaces) {
      const figures = this.hidden ? [] : this.figures(surface)
      this.layerOf(surface).draw(surface, figures, this.cursor())
    }
  }

  private cursor(): Point | null {
    return this.tool === null || this.viewer === null ? null : this.viewer.crosshair
  }

  /** A drawing ends with its slice: a region is on one slice. */
  private onScreen(started: Started, surfaces: Surface[]): boolean {
    const surface = surfaces.find((one) => one.plane === started.plane)
    return surface !== undefined && started.placed.every(surface.shows)
  }

  private figures(surface: Surface): Figure[] {
    const shown = this.others.filter((one) => one.shown).flatMap(({ drawn }) => drawn)
    const others = shown.map((drawn): Figure => {
      return { drawn, text: this.linesOf(drawn).slice(0, 2), state: 'other' }
    })
    const own = this.own.map((drawn): Figure => {
      const state = drawn.id === this.selected ? 'selected' : 'own'
      const lines = drawn === this.edited?.drawn ? this.sizeOnly(drawn) : this.linesOf(drawn)
      return { drawn, text: lines.slice(0, 2), state }
    })
    return [...others, ...own, ...this.preview(surface)]
  }

  private preview(surface: Surface): Figure[] {
    const { started } = this
    if (started === null || started.plane !== surface.plane) return []
    const placed = [...started.placed, started.next]
    const kind = placed.length < KINDS[started.kind].placed ? 'length' : started.kind
    const drawn = { id: '', kind, label: '', points: pointsOf(kind, placed, surface) }
    const proper = isProper(kind, drawn.points)
    return proper ? [{ drawn, text: this.sizeOnly(drawn), state: 'new' }] : []
  }

  /** Statistics take a moment for large regions. */
  private sizeOnly(drawn: Drawn): string[] {
    return this.scan === null ? [] : linesOf(drawn, { ...this.scan, grid: null })
  }

  private layerOf(surface: Surface): Layer {
    let layer = this.layers.get(surface.root)
    if (layer === undefined) {
      layer = new Layer(surface, {
        press: (on, at) => this.press(on, at),
        move: (on, at) => this.move(on, at),
        release: (on, at) => this.release(on, at),
        cancel: () => this.drop(),
        active: () => this.tool !== null,
      })
      this.layers.set(surface.root, layer)
    }
    return layer
  }

  // the pointer

  private press(surface: Surface, at: At): boolean {
    if (this.tool !== null) {
      if (this.started?.plane !== surface.plane) this.place(surface, surface.toPoint(at), at)
      return true
    }
    this.edited = this.hidden ? null : this.layerOf(surface).handleAt(at)
    if (this.edited !== null) this.selected = this.edited.drawn.id
    return this.edited !== null
  }

  private move(surface: Surface, at: At): void {
    if (this.edited !== null) return this.drag(surface, at)
    if (this.started?.plane !== surface.plane) return
    this.started.next = surface.toPoint(at)
    this.redraw()
  }

  private release(surface: Surface, at: At): void {
    if (this.edited !== null) return this.drop()
    const from = this.started?.from
    if (this.started?.plane !== surface.plane) return
    if (from && Math.hypot(at.x - from.x, at.y - from.y) < CLICK) return
    this.place(surface, surface.toPoint(at), at)
  }

  private drag(surface: Surface, at: At): void {
    const { drawn, handle } = this.edited!
    const points = dragged(drawn, handle, at, surface)
    if (!isProper(drawn.kind, points)) return
    const moved = { ...drawn, points }
    this.own = this.own.map((one) => (one === drawn ? moved : one))
    this.edited = { drawn: moved, handle }
    this.redraw()
  }

  private drop(): void {
    const edited = this.edited !== null
    this.edited = null
    this.update(edited)
  }

  // drawing

  private placeByKey(): void {
    const surface = this.viewer?.surfaces.find((one) => one.plane === this.viewer!.active)
    if (surface !== undefined) this.place(surface, this.viewer!.crosshair, null)
  }

  private place(surface: Surface, point: Point, from: At | null): void {
    const kind = this.tool!
    const earlier = this.started?.plane === surface.plane ? this.started.placed : []
    const placed = [...earlier, point]
    this.started = { kind, placed, plane: surface.plane, from, next: point }
    if (placed.length === KINDS[kind].placed) this.finish(kind, pointsOf(kind, placed, surface))
    else this.say(`Point ${placed.length} placed.`)
    this.update(this.started === null)
  }

  private finish(kind: Kind, points: Point[]): void {
    this.started = null
    if (!isProper(kind, points)) return this.say('Its points are at the same place.')
    if (this.own.length >= MOST) return this.say(`A review has at most ${MOST} measurements.`)
    const drawn = { id: newId(), kind, label: '', points }
    this.own = [...this.own, drawn]
    this.selected = drawn.id
    this.say(`${KINDS[kind].name}: ${this.linesOf(drawn).join(', ')}`)
  }

  private update(edited: boolean): void {
    this.redraw()
    this.changed(edited)
  }
}

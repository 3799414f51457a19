/** Measuring in the scan on screen: the tool, what is being drawn, and what was drawn. */

import { randomId } from '../random_id'
import type { Point, Review } from '../schemas'
import type { Keys } from '../shortcuts'
import type { At, Controls, DrawingSurface } from '../viewer/port'
import { Drawing } from './drawing'
import { type Figure, Layer } from './layer'
import { type Drawn, fromWire, KIND_NAMES, KINDS, type Kind, MOST } from './measurement'
import { movedBy, stepOf } from './moving'
import { linesOf, type Measured } from './texts'

const IDENTITY = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]

/** The measurements of a review. */
export interface OfReview {
  review: Review
  drawn: Drawn[]
  shown: boolean
}

export class Measuring {
  tool: Kind | null = null
  own: Drawn[] = []
  others: OfReview[] = []
  selected: string | null = null
  /** Whether keys move the selected measurement. */
  moving = false
  hidden = false
  /** What was deleted last, and its place in the list. */
  deleted: { drawn: Drawn; at: number } | null = null
  private scan: Measured | null = null
  private viewer: Controls | null = null
  private readonly drawing = new Drawing({
    finish: (kind, points) => this.finish(kind, points),
    move: (drawn, moved) => {
      this.own = this.own.map((one) => (one === drawn ? moved : one))
      this.redraw()
    },
    changed: (edited) => this.update(edited),
    redraw: () => this.redraw(),
    say: (text) => this.say(text),
  })
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
    this.moving = false
    this.tool = null
    this.hidden = false
    this.drawing.cancel()
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
    this.drawing.cancel()
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
      ...(this.selected === null
        ? {}
        : { Delete: () => this.remove(this.selected!), ',': () => this.takeUp(!this.moving) }),
      ...(this.deleted === null ? {} : { z: () => this.undo() }),
      'Shift+ArrowLeft': () => this.step(-1, 0),
      'Shift+ArrowRight': () => this.step(1, 0),
      'Shift+ArrowUp': () => this.step(0, -1),
      'Shift+ArrowDown': () => this.step(0, 1),
      ...(this.moving ? { Escape: () => this.takeUp(false) } : {}),
      ...(this.tool === null ? {} : { '.': () => this.placeByKey(), Escape: () => this.cancel() }),
    }
  }

  /** Takes a tool, or puts it down if it is in the hand. */
  choose(kind: Kind): void {
    this.drawing.cancel()
    this.moving = false
    this.tool = this.tool === kind ? null : kind
    if (this.tool !== null) {
      this.hidden = false
      const { name, placed } = KINDS[kind]
      const places = placed === 1 ? 'the point' : `${placed} points`
      this.say(
        `${name}: place ${places} by the mouse, or by Shift + arrow keys and the key of the full stop. Escape ends.`,
      )
    }
    this.update(false)
  }

  /** Forgets what is being drawn; without it, puts the tool down. */
  cancel(): void {
    const cancelled = this.drawing.cancel()
    if (!cancelled) this.tool = null
    this.say(cancelled ? 'Cancelled.' : 'Measuring ended.')
    this.update(false)
  }

  /** Forgets what is being drawn, and the tool. */
  putDown(): void {
    this.drawing.cancel()
    this.tool = null
    this.moving = false
    this.update(false)
  }

  /** Whether Shift and the arrow keys move the selected measurement, not the crosshair. */
  takeUp(moving: boolean): void {
    const drawn = this.own.find((one) => one.id === this.selected)
    if (drawn === undefined) return
    this.drawing.cancel()
    this.tool = null
    this.hidden = false
    this.moving = moving
    if (moving) this.goTo(drawn, true)
    this.say(
      moving ? 'Shift + arrow keys move the measurement. Escape ends.' : 'The measurement stays.',
    )
    this.update(false)
  }

  private step(right: number, down: number): void {
    const drawn = this.moving ? this.own.find((one) => one.id === this.selected) : undefined
    if (drawn === undefined) this.viewer?.step(right, down)
    else this.nudge(drawn, right, down)
  }

  /** Moves a measurement by a voxel on the pane that shows it. */
  private nudge(drawn: Drawn, right: number, down: number): void {
    const { viewer, scan } = this
    const showing = viewer?.drawingSurfaces.filter((one) => drawn.points.every(one.shows)) ?? []
    const surface = showing.find((one) => one.plane === viewer?.active) ?? showing[0]
    if (surface === undefined || scan === null) {
      this.say('It is on another slice.')
      return
    }
    const by = stepOf(surface, axesOf(scan), drawn.points[0]!, right, down)
    const moved = { ...drawn, points: movedBy(drawn.points, by, surface) }
    this.own = this.own.map((one) => (one === drawn ? moved : one))
    this.update(true)
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
    this.moving = this.moving && own && this.selected === drawn.id
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
    this.moving = false
    this.say('Deleted. Z brings it back.')
    this.update(true)
  }

  undo(): void {
    if (this.deleted === null || this.isFull()) return
    const { drawn, at } = this.deleted
    this.own = [...this.own.slice(0, at), drawn, ...this.own.slice(at)]
    this.deleted = null
    this.selected = drawn.id
    this.update(true)
  }

  /** Draws everything again: the viewer has moved. */
  redraw(): void {
    const surfaces = this.viewer?.drawingSurfaces ?? []
    this.drawing.check(surfaces, this.viewer?.crosshair ?? null)
    for (const surface of surfaces) {
      const figures = this.hidden ? [] : this.figures(surface)
      this.layerOf(surface).draw(surface, figures, this.cursor())
    }
  }

  private cursor(): Point | null {
    return this.tool === null || this.viewer === null ? null : this.viewer.crosshair
  }

  private figures(surface: DrawingSurface): Figure[] {
    const shown = this.others.filter((one) => one.shown).flatMap(({ drawn }) => drawn)
    const others = shown.map((drawn): Figure => {
      return { drawn, text: this.linesOf(drawn).slice(0, 2), state: 'other' }
    })
    const own = this.own.map((drawn): Figure => {
      const chosen = this.moving ? 'moving' : 'selected'
      const state = drawn.id === this.selected ? chosen : 'own'
      const lines = drawn === this.drawing.held ? this.sizeOnly(drawn) : this.linesOf(drawn)
      return { drawn, text: lines.slice(0, 2), state }
    })
    const preview = this.drawing.preview(surface)
    if (preview === null) return [...others, ...own]
    return [...others, ...own, { drawn: preview, text: this.sizeOnly(preview), state: 'new' }]
  }

  /** Statistics take a moment for large regions. */
  private sizeOnly(drawn: Drawn): string[] {
    return this.scan === null ? [] : linesOf(drawn, { ...this.scan, grid: null })
  }

  private layerOf(surface: DrawingSurface): Layer {
    let layer = this.layers.get(surface.root)
    if (layer === undefined) {
      const made = new Layer(surface.root, {
        press: (on, at) => this.press(on, at, made),
        move: (on, at) => this.drawing.move(on, at),
        release: (on, at) => this.drawing.release(on, at),
        cancel: () => this.drawing.drop(),
        active: () => this.tool !== null,
      })
      layer = made
      this.layers.set(surface.root, layer)
    }
    return layer
  }

  private press(surface: DrawingSurface, at: At, layer: Layer): boolean {
    if (this.tool !== null) {
      this.drawing.press(this.tool, surface, at)
      return true
    }
    const held = this.hidden ? null : layer.gripAt(surface, at)
    if (held === null) return false
    this.moving = this.moving && this.selected === held.drawn.id
    this.selected = held.drawn.id
    this.drawing.hold(held.drawn, held.grip)
    return true
  }

  private placeByKey(): void {
    const { tool, viewer } = this
    const surface = viewer?.drawingSurfaces.find((one) => one.plane === viewer.active)
    if (tool !== null && surface !== undefined) {
      this.drawing.place(tool, surface, viewer!.crosshair, null)
    }
  }

  /** Whether there is no place for one more, which is said then. */
  private isFull(): boolean {
    const full = this.own.length >= MOST
    if (full) this.say(`A review has at most ${MOST} measurements.`)
    return full
  }

  private finish(kind: Kind, points: Point[]): void {
    if (this.isFull()) {
      this.update(false)
      return
    }
    const drawn = { id: randomId(), kind, label: '', points }
    this.own = [...this.own, drawn]
    this.selected = drawn.id
    this.say(`${KINDS[kind].name}: ${this.linesOf(drawn).join(', ')}`)
    this.update(true)
  }

  private update(edited: boolean): void {
    this.redraw()
    this.changed(edited)
  }
}

/** From a voxel to its neighbours, in the coordinates of points. */
function axesOf({ flat, grid }: Measured): Point[] {
  const rows = flat || grid === null ? IDENTITY : grid.affine
  return [0, 1, 2].map((n) => rows.slice(0, 3).map((row) => row[n]!) as Point)
}

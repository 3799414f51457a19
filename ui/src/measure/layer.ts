/** Measurements drawn over one pane, and the pointer on it. */

import type { Point } from '../schemas'
import type { At, DrawingSurface } from '../viewer/port'
import type { Grip } from './drawing'
import { type Drawn, isRegion } from './measurement'
import { distanceTo } from './moving'

const SVG = 'http://www.w3.org/2000/svg'
const REACH = 9 // CSS pixels around a handle
const NEAR = 5 // CSS pixels beside a line
const ROOM = 165 // CSS pixels for a text
const LINE = 15 // CSS pixels between lines of text

/** What is drawn, and the `text` beside it. */
export interface Figure {
  drawn: Drawn
  text: string[]
  state: 'own' | 'selected' | 'moving' | 'new' | 'other'
}

export interface Pointer {
  /** Whether a press belongs to measuring; else the viewer gets it. */
  press: (surface: DrawingSurface, at: At) => boolean
  move: (surface: DrawingSurface, at: At) => void
  release: (surface: DrawingSurface, at: At) => void
  /** The press was taken away, for example by the system. */
  cancel: () => void
  /** Whether a tool is in the reader's hand. */
  active: () => boolean
}

export class Layer {
  private readonly svg = node('svg', { class: 'measures', 'aria-hidden': 'true' })
  private figures: Figure[] = []
  /** What was drawn on last; it holds the scan, so it is forgotten with it. */
  private surface: DrawingSurface | null = null
  private pressed = false

  constructor(root: HTMLElement, pointer: Pointer) {
    root.append(this.svg)
    this.listen(root, pointer)
  }

  /** `cursor`: the point at which a key places, if a tool is active. */
  draw(surface: DrawingSurface, figures: Figure[], cursor: Point | null): void {
    this.surface = surface
    this.figures = figures.filter(({ drawn }) => drawn.points.every(surface.shows))
    surface.root.classList.toggle('measuring', cursor !== null)
    const marks = cursor !== null && surface.shows(cursor) ? [cross(surface, cursor)] : []
    this.svg.replaceChildren(...this.figures.map((one) => figureOf(one, surface)), ...marks)
  }

  clear(): void {
    this.svg.replaceChildren()
    this.figures = []
    this.surface = null
  }

  /** The own measurement at a place: by a handle, else by its line. The uppermost one counts. */
  gripAt(surface: DrawingSurface, at: At): { drawn: Drawn; grip: Grip } | null {
    const own = this.figures.filter(({ state }) => state !== 'other' && state !== 'new').reverse()
    for (const { drawn } of own) {
      const handle = drawn.points.findIndex((point) => {
        const there = surface.toPixel(point)
        return Math.hypot(there.x - at.x, there.y - at.y) <= REACH
      })
      if (handle >= 0) return { drawn, grip: handle }
    }
    const line = own.find(({ drawn }) => distanceTo(drawn, at, surface) <= NEAR)
    return line === undefined ? null : { drawn: line.drawn, grip: at }
  }

  private listen(root: HTMLElement, pointer: Pointer): void {
    const at = (event: PointerEvent): At => {
      const box = root.getBoundingClientRect()
      return { x: event.clientX - box.left, y: event.clientY - box.top }
    }
    const on = (type: string, act: (event: PointerEvent) => boolean): void =>
      root.addEventListener(
        type,
        (event) => {
          if (act(event as PointerEvent)) event.stopImmediatePropagation()
        },
        { capture: true }, // before the viewer, which listens on the same element
      )
    on('pointerdown', (event) => {
      const { surface } = this
      if (surface === null || event.button !== 0 || event.shiftKey) return false
      if (!pointer.press(surface, at(event))) return false
      this.pressed = true
      root.setPointerCapture(event.pointerId)
      return true
    })
    on('pointermove', (event) => {
      const { surface } = this
      if (surface === null) return this.pressed
      pointer.move(surface, at(event))
      if (!this.pressed && event.buttons === 0) {
        const grip = pointer.active() ? null : this.gripAt(surface, at(event))
        root.classList.toggle('grips', grip !== null)
      }
      return this.pressed
    })
    on('pointerup', (event) => this.ended((surface) => pointer.release(surface, at(event))))
    on('pointercancel', () => this.ended(pointer.cancel))
    on('dblclick', pointer.active)
  }

  private ended(act: (surface: DrawingSurface) => void): boolean {
    const { pressed, surface } = this
    this.pressed = false
    if (pressed && surface !== null) act(surface)
    return pressed
  }
}

function figureOf({ drawn, text, state }: Figure, { root, toPixel }: DrawingSurface): SVGElement {
  const at = drawn.points.map(toPixel)
  const group = node('g', { class: `measure ${state}`, 'data-kind': drawn.kind })
  for (const role of ['halo', 'line']) group.append(outline(drawn, at, role))
  for (const { x, y } of at) group.append(node('circle', { cx: x, cy: y, r: 3.5 }))
  group.append(label(text, drawn.kind === 'angle' ? [at[1]!] : at, root.clientWidth))
  return group
}

/** Beside the figure, on the side with more room. `width`: of the pane, in CSS pixels. */
function label(lines: string[], at: At[], width: number): SVGElement {
  const right = at.reduce((most, one) => (one.x > most.x ? one : most))
  const left = at.reduce((least, one) => (one.x < least.x ? one : least))
  const before = right.x + ROOM > width && left.x > ROOM
  const [x, y] = before ? [left.x - 8, left.y + 4] : [right.x + 8, right.y + 4]
  const text = node('text', { x, y, class: before ? 'before' : '' })
  for (const [n, line] of lines.entries()) {
    const part = node('tspan', { x, dy: n === 0 ? 0 : LINE })
    part.textContent = line
    text.append(part)
  }
  return text
}

/** Where a key places the next point. */
function cross(surface: DrawingSurface, point: Point): SVGElement {
  const { x, y } = surface.toPixel(point)
  const d = `M${x - 6} ${y}H${x + 6}M${x} ${y - 6}V${y + 6}`
  return node('path', { class: 'placing', d })
}

function outline({ kind }: Drawn, at: At[], role: string): SVGElement {
  if (kind === 'ellipse') {
    const [a, b, c, d] = at as [At, At, At, At]
    return node('ellipse', {
      class: role,
      cx: (a.x + b.x) / 2,
      cy: (c.y + d.y) / 2,
      rx: Math.max(Math.abs(b.x - a.x), Math.abs(d.x - c.x)) / 2,
      ry: Math.max(Math.abs(d.y - c.y), Math.abs(b.y - a.y)) / 2,
    })
  }
  const points = at.map(({ x, y }) => `${x},${y}`).join(' ')
  return node(isRegion(kind) ? 'polygon' : 'polyline', { class: role, points })
}

function node(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  return made
}

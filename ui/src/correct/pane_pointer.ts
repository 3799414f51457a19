/** The pointer over the panes while a mask is corrected. */

import type { At, DrawingSurface } from '../viewer/port'
import type { Spot } from './tool'

export interface PointerEvents {
  /** The panes on screen; none while nothing is corrected. */
  surfaces: () => DrawingSurface[]
  /** Whether a press belongs to a tool; else the viewer gets it. */
  press: (spot: Spot) => boolean
  drag: (spots: Spot[]) => void
  release: (spot: Spot | null) => void
  /** Null when the pointer left the panes. */
  hover: (spot: Spot | null) => void
  /** Shift and the wheel: steps, above 0 upwards. */
  size: (steps: number) => void
  /** Whether a double click belongs to a tool. */
  active: () => boolean
}

/**
 * Listens on the element around the panes, before the layers and the viewer, which listen on the
 * panes themselves.
 */
export class PanePointer {
  /** The pane on which the button was pressed. */
  private pressed: HTMLElement | null = null

  constructor(
    root: HTMLElement,
    private readonly events: PointerEvents,
  ) {
    const on = (type: string, act: (event: PointerEvent) => boolean): void =>
      root.addEventListener(
        type,
        (event) => {
          if (act(event as PointerEvent)) event.stopPropagation()
        },
        { capture: true },
      )
    on('pointerdown', (event) => this.down(event))
    on('pointermove', (event) => this.move(event))
    on('pointerup', (event) => this.end(this.spotOf(event)))
    on('pointercancel', () => this.end(null))
    on('dblclick', () => events.active())
    root.addEventListener('pointerleave', () => this.pressed === null && events.hover(null))
    root.addEventListener('wheel', (event) => this.wheel(event), { capture: true, passive: false })
  }

  get isPressed(): boolean {
    return this.pressed !== null
  }

  /** Forgets the press: the stroke was taken back. */
  drop(): void {
    this.pressed = null
  }

  private down(event: PointerEvent): boolean {
    if (this.pressed !== null) return true // a second finger or button
    const other = event.shiftKey || event.altKey || event.ctrlKey || event.metaKey
    if (event.button !== 0 || other) return false
    const spot = this.spotOf(event)
    if (spot === null || !this.events.press(spot)) return false
    this.pressed = spot.surface.root
    spot.surface.root.setPointerCapture(event.pointerId)
    return true
  }

  private move(event: PointerEvent): boolean {
    if (this.pressed === null) {
      this.events.hover(this.spotOf(event))
      return false
    }
    const all = event.getCoalescedEvents()
    const spots = (all.length > 0 ? all : [event]).map((one) => this.spotOf(one))
    const known = spots.filter((spot) => spot !== null)
    if (known.length > 0) {
      this.events.drag(known)
      this.events.hover(known.at(-1)!)
    }
    return true
  }

  private end(spot: Spot | null): boolean {
    if (this.pressed === null) return false
    this.pressed = null
    this.events.release(spot)
    return true
  }

  private wheel(event: WheelEvent): void {
    if (!event.shiftKey || this.events.surfaces().length === 0) return
    event.preventDefault()
    event.stopPropagation()
    const along = event.deltaY === 0 ? event.deltaX : event.deltaY // some systems turn it with Shift
    if (along !== 0) this.events.size(along < 0 ? 1 : -1)
  }

  private spotOf(event: PointerEvent): Spot | null {
    const target = this.pressed ?? (event.target as Element | null)
    const surface = this.events
      .surfaces()
      .find(({ root }) => root === target || root.contains(target))
    if (surface === undefined) return null
    const box = surface.root.getBoundingClientRect()
    return spotAt(surface, { x: event.clientX - box.left, y: event.clientY - box.top })
  }
}

/** Null for an image in tiles. */
export function spotAt(surface: DrawingSurface, at: At): Spot | null {
  const { stored: slice } = surface
  return slice === null ? null : { surface, slice, at, voxel: slice.toVoxel(at) }
}

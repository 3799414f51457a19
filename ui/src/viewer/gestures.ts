/** Mouse, pen and wheel on a pane. */

import type { Pane } from './pane'
import type { At } from './port'

export interface Gestures {
  point: (pane: Pane, at: At) => void
  move: (pane: Pane, dx: number, dy: number) => void
  window: (dx: number, dy: number) => void
  scroll: (pane: Pane, slices: number) => void
  zoom: (pane: Pane, factor: number, at: At) => void
  maximise: (pane: Pane) => void
  /** Whether the wheel zooms, as for an image, which has no slices. */
  flat: () => boolean
}

type Drag = 'point' | 'move' | 'window'

const WHEEL_STEP = 50 // pixels of a wheel or touchpad for one slice
const LINE_PIXELS = 50 // a wheel that counts in lines

export function listen(pane: Pane, gestures: Gestures): void {
  const { root } = pane
  const at = (event: MouseEvent): At => {
    const box = pane.element.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  let drag: Drag | null = null
  let last: At = { x: 0, y: 0 }
  root.addEventListener('contextmenu', (event) => event.preventDefault())
  root.addEventListener('dblclick', () => gestures.maximise(pane))
  root.addEventListener('pointerdown', (event) => {
    if (event.button > 2) return
    if (event.button === 1) event.preventDefault() // no automatic scrolling
    drag = dragOf(event)
    last = at(event)
    root.setPointerCapture(event.pointerId)
    if (drag === 'point') gestures.point(pane, last)
  })
  root.addEventListener('pointermove', (event) => {
    if (drag === null) return
    const here = at(event)
    const [dx, dy] = [here.x - last.x, here.y - last.y]
    last = here
    if (drag === 'point') gestures.point(pane, here)
    else if (drag === 'move') gestures.move(pane, dx, dy)
    else gestures.window(dx, dy)
  })
  for (const end of ['pointerup', 'pointercancel'] as const) {
    root.addEventListener(end, () => (drag = null))
  }
  listenToWheel(pane, gestures, at)
}

function dragOf(event: PointerEvent): Drag {
  if (event.button === 2) return 'window'
  return event.button === 1 || event.shiftKey ? 'move' : 'point'
}

/** Scrolls: down is the next slice. With Ctrl, and for an image always, zooms at the pointer. */
function listenToWheel(pane: Pane, gestures: Gestures, at: (event: MouseEvent) => At): void {
  let rest = 0
  pane.root.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      if (gestures.flat() || event.ctrlKey) {
        return gestures.zoom(pane, event.deltaY < 0 ? 1.15 : 1 / 1.15, at(event))
      }
      const pixels =
        event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE_PIXELS
      // A notch is one slice, however many pixels it has; a touchpad's small steps add up.
      const slices =
        Math.abs(pixels) >= WHEEL_STEP
          ? Math.sign(pixels)
          : Math.trunc((rest += pixels) / WHEEL_STEP)
      if (slices === 0) return
      rest = 0
      gestures.scroll(pane, slices)
    },
    { passive: false },
  )
}

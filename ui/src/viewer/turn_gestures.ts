/** Mouse, pen and wheel on the 3D pane. */

import type { At } from './port'

export interface TurnGestures {
  turn: (dx: number, dy: number) => void
  move: (dx: number, dy: number) => void
  window: (dx: number, dy: number) => void
  zoom: (factor: number) => void
  /** A click that was no drag. */
  point: (at: At) => void
  maximise: () => void
  /** A drag has ended. */
  rest: () => void
}

const CLICK = 4 // CSS pixels that a click may wander

export function listenForTurns(root: HTMLElement, gestures: TurnGestures): void {
  let drag: 'turn' | 'move' | 'window' | null = null
  let [last, start]: [At, At] = [
    { x: 0, y: 0 },
    { x: 0, y: 0 },
  ]
  const at = (event: MouseEvent): At => {
    const box = root.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  root.addEventListener('contextmenu', (event) => event.preventDefault())
  root.addEventListener('dblclick', gestures.maximise)
  root.addEventListener('pointerdown', (event) => {
    if (event.button > 2) return
    if (event.button === 1) event.preventDefault() // no automatic scrolling
    const moves = event.button === 1 || event.shiftKey
    drag = event.button === 2 ? 'window' : moves ? 'move' : 'turn'
    last = start = at(event)
    root.setPointerCapture(event.pointerId)
  })
  root.addEventListener('pointermove', (event) => {
    if (drag === null) return
    const here = at(event)
    gestures[drag](here.x - last.x, here.y - last.y)
    last = here
  })
  root.addEventListener('pointerup', () => {
    const still = Math.hypot(last.x - start.x, last.y - start.y) < CLICK
    if (drag === 'turn' && still) gestures.point(last)
  })
  for (const end of ['pointerup', 'pointercancel'] as const) {
    root.addEventListener(end, () => {
      drag = null
      gestures.rest()
    })
  }
  root.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      gestures.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)
      gestures.rest()
    },
    { passive: false },
  )
}

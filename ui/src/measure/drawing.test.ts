import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import type { DrawingSurface } from '../viewer/port'
import { Drawing } from './drawing'
import type { Drawn, Kind } from './measurement'
import { dragged } from './shape'

/** A pane that shows pixels at twice their size, from (10, 20). */
function surface(slice = 0): DrawingSurface {
  return {
    plane: 'axial',
    root: null as unknown as HTMLElement,
    toPixel: ([x, y]) => ({ x: (x - 10) * 2, y: (y - 20) * 2 }),
    toPoint: ({ x, y }) => [10 + x / 2, 20 + y / 2, slice],
    shows: (point) => point[2] === slice,
    stored: null,
  }
}

function recorder(): { drawing: Drawing; finished: [Kind, Point[]][]; moved: Drawn[] } {
  const finished: [Kind, Point[]][] = []
  const moved: Drawn[] = []
  const nothing = (): void => {}
  const drawing = new Drawing({
    finish: (kind, points) => finished.push([kind, points]),
    move: (_, to) => moved.push(to),
    changed: nothing,
    redraw: nothing,
    say: nothing,
  })
  return { drawing, finished, moved }
}

describe('drawing', () => {
  it('takes a press that is dragged, or two clicks', () => {
    const { drawing, finished } = recorder()
    const on = surface()
    drawing.press('length', on, { x: 0, y: 0 })
    drawing.release(on, { x: 40, y: 20 })
    drawing.press('length', on, { x: 0, y: 0 })
    drawing.release(on, { x: 1, y: 1 })
    drawing.press('length', on, { x: 40, y: 20 })
    drawing.release(on, { x: 40, y: 20 })
    const line: Point[] = [
      [10, 20, 0],
      [30, 30, 0],
    ]
    expect(finished).toEqual([
      ['length', line],
      ['length', line],
    ])
  })
  it('makes four corners of two, and the ends of an ellipse', () => {
    const { drawing, finished } = recorder()
    const on = surface()
    for (const kind of ['rectangle', 'ellipse'] as const) {
      drawing.place(kind, on, [12, 22, 0], null)
      drawing.place(kind, on, [20, 30, 0], null)
    }
    const corners = [
      [12, 22, 0],
      [20, 22, 0],
      [20, 30, 0],
      [12, 30, 0],
    ]
    const ends = [
      [12, 26, 0],
      [20, 26, 0],
      [16, 22, 0],
      [16, 30, 0],
    ]
    expect(finished.map(([, points]) => points)).toEqual([corners, ends])
  })
  it('ends with its slice, is cancelled, and needs a size', () => {
    const { drawing, finished } = recorder()
    drawing.place('length', surface(), [12, 22, 0], null)
    drawing.check([surface(1)], null)
    expect(drawing.cancel()).toBe(false)
    drawing.place('length', surface(), [12, 22, 0], null)
    expect(drawing.cancel()).toBe(true)
    drawing.place('length', surface(), [12, 22, 0], null)
    drawing.place('length', surface(), [12, 22, 0], null)
    expect(finished).toEqual([])
  })
})

describe('handles', () => {
  it('are not dragged to another slice, which may be on screen meanwhile', () => {
    const { drawing, moved } = recorder()
    const line: Drawn = {
      id: '',
      kind: 'length',
      label: '',
      points: [
        [12, 22, 0],
        [20, 30, 0],
      ],
    }
    drawing.hold(line, 1)
    drawing.move(surface(1), { x: 30, y: 30 })
    expect(moved).toEqual([])
    drawing.move(surface(), { x: 30, y: 30 })
    expect(moved[0]!.points).toEqual([
      [12, 22, 0],
      [25, 35, 0],
    ])
  })
  const drawn = (kind: Kind, points: Point[]): Drawn => ({ id: '', kind, label: '', points })
  it('the opposite corner of a rectangle stays, and the opposite end of an ellipse', () => {
    const box = drawn('rectangle', [
      [12, 22, 0],
      [20, 22, 0],
      [20, 30, 0],
      [12, 30, 0],
    ])
    const corner = dragged(box, 1, { x: 30, y: 0 }, surface())
    expect(corner).toContainEqual([12, 30, 0])
    expect(corner).toContainEqual([25, 20, 0])
    const oval = drawn('ellipse', [
      [12, 26, 0],
      [20, 26, 0],
      [16, 22, 0],
      [16, 30, 0],
    ])
    expect(dragged(oval, 1, { x: 30, y: 99 }, surface())).toEqual([
      [12, 26, 0],
      [25, 26, 0],
      [18.5, 22, 0],
      [18.5, 30, 0],
    ])
  })
})

import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import type { DrawingSurface } from '../viewer/port'
import { Drawing } from './drawing'
import type { Drawn, Kind } from './measurement'
import { distanceTo, movedBy, stepOf } from './moving'

/** A pane of 100 x 80 mm that shows millimetres at three times their size, from below. */
const pane: DrawingSurface = {
  plane: 'axial',
  root: null as unknown as HTMLElement,
  toPixel: ([x, y]) => ({ x: 3 * x, y: 3 * (80 - y) }),
  toPoint: ({ x, y }) => [within(x / 3, 100), within(80 - y / 3, 80), 7],
  shows: (point) => point[2] === 7,
  stored: null,
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, value))
}

function drawn(kind: Kind, points: Point[]): Drawn {
  return { id: kind, kind, label: '', points }
}

const LINE = drawn('length', [
  [10, 20, 7],
  [40, 60, 7],
])
const BOX = drawn('rectangle', [
  [10, 20, 7],
  [40, 20, 7],
  [40, 60, 7],
  [10, 60, 7],
])
const OVAL = drawn('ellipse', [
  [10, 40, 7],
  [50, 40, 7],
  [30, 20, 7],
  [30, 60, 7],
])
const ANGLE = drawn('angle', [
  [10, 20, 7],
  [40, 20, 7],
  [40, 60, 7],
])

describe('the line of a measurement', () => {
  it('is all of what is drawn: each side of a region, and no line between the ends of an angle', () => {
    const at = (x: number, y: number) => pane.toPixel([x, y, 7])
    expect(distanceTo(LINE, at(25, 40), pane)).toBeCloseTo(0)
    expect(distanceTo(LINE, at(43, 64), pane)).toBeCloseTo(15) // beyond its end
    for (const [x, y] of [
      [25, 20],
      [40, 40],
      [25, 60],
      [10, 40],
    ] as const)
      expect(distanceTo(BOX, at(x, y), pane)).toBeCloseTo(0)
    expect(distanceTo(BOX, at(25, 40), pane)).toBeCloseTo(45) // its inside is no handle
    for (const turn of [0, 1, 2, 3, 4, 5, 6]) {
      const [x, y] = [30 + 20 * Math.cos(turn), 40 + 20 * Math.sin(turn)]
      expect(distanceTo(OVAL, at(x, y), pane)).toBeLessThan(0.2)
    }
    expect(distanceTo(ANGLE, at(40, 40), pane)).toBeCloseTo(0)
    expect(distanceTo(ANGLE, at(25, 40), pane)).toBeGreaterThan(40)
    expect(distanceTo(drawn('probe', [[10, 20, 7]]), at(13, 24), pane)).toBe(
      Number.POSITIVE_INFINITY,
    )
  })
})

describe('a measurement that is moved as a whole', () => {
  const size = (points: Point[]): number[] =>
    points.map((point) => Math.hypot(...point.map((n, i) => n - points[0]![i]!)))
  it('keeps its size, and all of its points stop at the edge', () => {
    for (const one of [LINE, BOX, OVAL, ANGLE]) {
      for (const by of [
        { x: 12, y: -9 },
        { x: 900, y: 0 },
        { x: -900, y: -900 },
        { x: 30, y: 900 },
      ]) {
        const moved = movedBy(one.points, by, pane)
        const before = size(one.points)
        size(moved).forEach((n, i) => {
          expect(n).toBeCloseTo(before[i]!, 9)
        })
      }
    }
    expect(movedBy(LINE.points, { x: 12, y: -9 }, pane)[0]).toEqual([14, 23, 7])
    expect(movedBy(LINE.points, { x: 900, y: 12 }, pane)[1]).toEqual([100, 56, 7])
  })

  it('follows the pointer from where its line was pressed, and stays on its slice', () => {
    const moved: Drawn[] = []
    const nothing = (): void => {}
    const drawing = new Drawing({
      finish: nothing,
      move: (_, to) => moved.push(to),
      changed: nothing,
      redraw: nothing,
      say: nothing,
    })
    drawing.hold(LINE, { x: 75, y: 120 })
    drawing.move({ ...pane, shows: () => false }, { x: 90, y: 120 })
    expect(moved).toEqual([])
    for (const x of [2000, 78, 81]) drawing.move(pane, { x, y: 120 }) // beyond the edge and back
    expect(moved.at(-1)!.points).toEqual([
      [12, 20, 7],
      [42, 60, 7],
    ])
  })

  it('is moved by keys by a voxel, or by several that are smaller than a pixel', () => {
    const axes = (mm: number): Point[] => [
      [0, 0, mm],
      [0, -mm, 0],
      [mm, 0, 0],
    ]
    expect(stepOf(pane, axes(2), [10, 20, 7], -1, 0)).toEqual({ x: -6, y: 0 })
    expect(stepOf(pane, axes(2), [10, 20, 7], 0, 1)).toEqual({ x: 0, y: 6 })
    expect(stepOf(pane, axes(0.1), [10, 20, 7], 1, 0).x).toBeCloseTo(1.2)
  })
})

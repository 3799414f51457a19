import { expect, test } from 'vitest'
import type { Point } from '../schemas'
import { dot } from './geometry'
import { Orbit } from './orbit'
import { enlargement } from './pace'

const SIZE = { width: 400, height: 200 }
const front = Orbit.around({ middle: [10, 20, 30], radius: 50 }, [0, -1, 0], [0, 0, 1])

const rounded = (vector: Point): number[] => vector.map((n) => Math.round(n * 1000) / 1000 + 0)

test('the patient’s left (LPS +x) is on the right as seen from the front', () => {
  expect(rounded(front.right)).toEqual([1, 0, 0])
  expect(front.toPixel([10, 20, 30], SIZE)).toEqual({ x: 200, y: 100 })
  expect(front.toPixel([20, 99, 40], SIZE)).toEqual({ x: 220, y: 80 })
})

test('a pixel and the point of the middle plane that is drawn there belong together', () => {
  const turned = front.turned(31, -17, SIZE).zoomed(3)
  const { x, y } = turned.toPixel(turned.toScene({ x: 61, y: 154 }, SIZE), SIZE)
  expect(x).toBeCloseTo(61)
  expect(y).toBeCloseTo(154)
})

test('what is nearest to the reader follows the pointer', () => {
  const nearest: Point = [10, -30, 30]
  const before = front.toPixel(nearest, SIZE)
  const after = front.turned(8, 5, SIZE).toPixel(nearest, SIZE)
  expect(after.x - before.x).toBeGreaterThan(5)
  expect(after.y - before.y).toBeGreaterThan(3)
})

test('turning keeps the directions at right angles, and a full drag turns to the other side', () => {
  let orbit = front
  for (let n = 0; n < 500; n++) orbit = orbit.turned(n % 7, (n % 5) - 2, SIZE)
  for (const pair of [
    [orbit.up, orbit.normal],
    [orbit.right, orbit.up],
  ] as const) {
    expect(dot(pair[0], pair[1])).toBeCloseTo(0)
  }
  expect(dot(orbit.up, orbit.up)).toBeCloseTo(1)
  expect(rounded(front.turned(200, 0, SIZE).normal)).toEqual([0, 1, 0])
})

test('a drag with Shift moves what is drawn by as many pixels', () => {
  const before = front.toPixel([0, 0, 0], SIZE)
  const after = front.moved(12, -7, SIZE).toPixel([0, 0, 0], SIZE)
  expect(after.x - before.x).toBeCloseTo(12)
  expect(after.y - before.y).toBeCloseTo(-7)
})

test('fewer pixels are drawn only where there are too many', () => {
  expect(enlargement(100, 100)).toBe(1)
  expect(enlargement(101, 100)).toBe(2)
  expect(enlargement(401, 100)).toBe(3)
})

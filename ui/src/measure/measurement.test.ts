import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import { type Affine, toWorld } from '../viewer/geometry'
import { type Drawn, fromWire, type Kind, nameOf, type Place, sizeOf, toWire } from './measurement'

const SPACING = [0.7, 1.9, 3.1] as const
const VOLUME: Place = { flat: false, spacing: null }
/** Rotations by 25 degrees around z and 15 around x, a flip, and none. */
const DIRECTIONS: Record<string, number[][]> = {
  axes: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  flipped: [
    [-1, 0, 0],
    [0, 0, 1],
    [0, -1, 0],
  ],
  oblique: [
    [0.906308, -0.408218, 0.109382],
    [0.422618, 0.875426, -0.23457],
    [0, 0.258819, 0.965926],
  ],
}

function affineOf(name: string): Affine {
  const rows = DIRECTIONS[name]!.map((row, n) => [
    ...row.map((x, m) => x * SPACING[m]!),
    10 * n - 7,
  ])
  return [...rows, [0, 0, 0, 1]]
}

function drawn(kind: Kind, ...points: Point[]): Drawn {
  return { id: kind, kind, label: '', points }
}

describe.each(Object.keys(DIRECTIONS))('in a volume stored %s', (name) => {
  const at = (...voxel: Point): Point => toWorld(affineOf(name), voxel)
  it('lengths, angles and areas are true', () => {
    const length = sizeOf(drawn('length', at(1, 8, 2), at(4, 4, 3.5)), VOLUME)
    expect(length?.value).toBeCloseTo(Math.hypot(3 * 0.7, 4 * 1.9, 1.5 * 3.1), 4)
    expect(length?.unit).toBe('mm')
    const angle = sizeOf(drawn('angle', at(6, 3, 4), at(2, 3, 4), at(6, 5, 4)), VOLUME)
    expect(angle?.value).toBeCloseTo((Math.atan2(2 * 1.9, 4 * 0.7) * 180) / Math.PI, 3)
    const corners = [at(1, 3, 2), at(5, 3, 2), at(5, 3, 4.5), at(1, 3, 4.5)]
    const area = sizeOf(drawn('rectangle', ...corners), VOLUME)
    expect(area?.value).toBeCloseTo(4 * 0.7 * 2.5 * 3.1, 4)
    const ends = [at(3, 1, 2), at(3, 7, 2), at(3, 4, 0), at(3, 4, 4)]
    const oval = sizeOf(drawn('ellipse', ...ends), VOLUME)
    expect(oval?.value).toBeCloseTo((Math.PI / 4) * 6 * 1.9 * 4 * 3.1, 3)
    expect(oval?.unit).toBe('mm²')
  })
})

describe('in an image', () => {
  const line = drawn('length', [2, 1, 0], [5, 5, 0])
  it('sizes are in pixels where the file states no pixel size', () => {
    expect(sizeOf(line, { flat: true, spacing: null })).toEqual({ value: 5, unit: 'px' })
    const sized = sizeOf(line, { flat: true, spacing: [0.5, 2] })
    expect(sized).toEqual({ value: Math.hypot(6, 2), unit: 'mm' })
  })
  it('an angle is that of the tissue, not of the pixels', () => {
    const angle = drawn('angle', [4, 0, 0], [0, 0, 0], [4, 4, 0])
    expect(sizeOf(angle, { flat: true, spacing: null })?.value).toBeCloseTo(45)
    const sized = sizeOf(angle, { flat: true, spacing: [1, 2] })?.value
    expect(sized).toBeCloseTo((Math.atan2(4, 8) * 180) / Math.PI)
  })
})

describe('names and drafts', () => {
  it('a measurement is named by its label, or by its kind and number', () => {
    const list = [
      drawn('length'),
      drawn('angle'),
      { ...drawn('length'), label: 'tail' },
      drawn('length'),
    ]
    expect(list.map((one) => nameOf(one, list))).toEqual([
      'Length 1',
      'Angle 1',
      'tail',
      'Length 3',
    ])
  })
  it('a draft that is damaged, or of a later version, does no harm', () => {
    const line = drawn('length', [0, 0, 0], [1, 1, 1])
    expect(fromWire([toWire(line), { id: 'x', kind: 'volume', points: [] }, {}])).toEqual([line])
    expect(fromWire('nothing')).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import {
  boxAround,
  editsOf,
  givenUp,
  MOST_VOXELS,
  marginOf,
  request,
  type Scribble,
  sizeOf,
  slotsUnder,
  unlessChanged,
} from './assistance'
import type { LabelVolume } from './labels'
import { cropped } from './operations/crop'
import { discStroke } from './stroke'

function volumeOf(dims: Point, spacing: Point = [1, 1, 1]): LabelVolume {
  return { data: new Uint8Array(dims[0] * dims[1] * dims[2]), dims, spacing }
}

function stroke(volume: LabelVolume, from: Point, to: Point, foreground = true): Scribble {
  const runs = [discStroke(volume, 2, from, to, 0.1)]
  return { foreground, axis: 2, index: from[2], line: [from, to], runs, over: [] }
}

describe('the box around strokes', () => {
  it('has a margin in mm that grows with the longest stroke, and ends with the scan', () => {
    const volume = volumeOf([60, 60, 20], [1, 2, 4])
    const strokes = [stroke(volume, [20, 30, 3], [29, 30, 3])]
    const margin = marginOf(strokes, volume)
    expect(margin).toBe(Math.ceil(1.6 * Math.hypot(10, 2, 4) + 8))
    const { low, high } = boxAround(strokes, volume, 8)
    expect(low).toEqual([12, 26, 1])
    expect(high).toEqual([38, 35, 6])
    expect(boxAround(strokes, volume, 1000)).toEqual({ low: [0, 0, 0], high: [60, 60, 20] })
  })

  it('is no larger than the gateway takes', () => {
    const volume: LabelVolume = { ...volumeOf([1, 1, 1]), dims: [512, 512, 384] }
    const strokes = [stroke(volume, [100, 256, 200], [300, 256, 200])]
    const box = boxAround(strokes, volume, 300)
    expect(sizeOf(box)).toBeLessThanOrEqual(MOST_VOXELS)
    expect(box.low[0]).toBeLessThanOrEqual(100)
    expect(box.high[0]).toBeGreaterThan(300)
  })
})

describe('a request', () => {
  it('has the voxels of the label in the box, then the strokes', () => {
    const volume = volumeOf([6, 4, 2])
    volume.data.set([2, 2, 2, 2, 1, 2], 6) // j = 1, k = 0
    volume.data[24 + 7] = 2
    const strokes = [
      stroke(volume, [2, 2, 0], [3, 2, 0]),
      stroke(volume, [4, 1, 0], [4, 1, 0], false),
    ]
    const runs = request(volume, 2, strokes, { low: [1, 0, 0], high: [6, 3, 2] })
    expect([...runs]).toEqual([7, 3, 1, 11, 1, 1, 31, 1, 1, 14, 2, 2, 10, 1, 3])
  })
})

describe('an answer', () => {
  it('leaves what the reader changed meanwhile', () => {
    const volume = volumeOf([6, 4, 2])
    const box = { low: [1, 1, 0] as Point, high: [5, 4, 2] as Point }
    const before = cropped(volume, box)
    volume.data[8] = 3 // (2, 1, 0)
    const edits = [{ slot: 1, runs: Uint32Array.of(7, 3, 31, 2) }]
    expect(
      unlessChanged(edits, volume, box, before, new Set([0])).map(({ runs }) => [...runs]),
    ).toEqual([[7, 1, 9, 1, 31, 2]])
  })

  it('leaves other labels alone unless a stroke runs over them', () => {
    const volume = volumeOf([10, 10, 1])
    volume.data.fill(2, 0, 5)
    volume.data.fill(3, 5, 7)
    const over = slotsUnder(volume, [Uint32Array.of(1, 8)]) // 4 of label 2, 2 of 3, 2 of none
    expect(over).toEqual([2, 3, 0])
    expect(slotsUnder(volume, [Uint32Array.of(6, 9)])).toEqual([0])
    const drawn = { ...stroke(volume, [1, 0, 0], [8, 0, 0]), over: [2] }
    const free = givenUp([drawn, { ...drawn, foreground: false, over: [3] }])
    const box = { low: [0, 0, 0] as Point, high: [10, 10, 1] as Point }
    const [edit] = unlessChanged(
      [{ slot: 1, runs: Uint32Array.of(3, 6) }],
      volume,
      box,
      volume,
      free,
    )
    expect([...edit!.runs]).toEqual([3, 2, 7, 2])
  })

  it('gives and takes the label', () => {
    const edits = editsOf(Uint32Array.of(5, 2, 1, 9, 1, 0, 20, 3, 1), 4)
    expect(edits.map(({ slot, runs }) => [slot, ...runs])).toEqual([
      [4, 5, 2, 20, 3],
      [0, 9, 1],
    ])
  })
})

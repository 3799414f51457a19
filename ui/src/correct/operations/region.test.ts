import { describe, expect, it } from 'vitest'
import type { LabelVolume } from '../labels'
import { slotTable } from './changes'
import { boxOf, cropped, uncropped, widened } from './crop'
import { indicesOf, pictureOf, randomVolume, volumeOf } from './pictures'
import { grownRegion } from './region'
import { rangeOf, runsWithin, spreadAround, type Values, valueAt } from './values'

const ANY = slotTable([0, 1, 2])

function valuesOf(rows: number[][], slope = 1, intercept = 0): Values {
  return { data: Int16Array.from(rows.flat()), components: 1, slope, intercept }
}

describe('values', () => {
  it('are those of the file, and the brightness of a colour', () => {
    expect(valueAt({ data: Int16Array.of(3), components: 1, slope: 2, intercept: -1 }, 0)).toBe(5)
    const colour: Values = {
      data: Uint8Array.of(0, 0, 0, 10, 20, 30),
      components: 3,
      slope: 1,
      intercept: 0,
    }
    expect(valueAt(colour, 1)).toBeCloseTo(2.99 + 11.74 + 3.42)
  })
  it('around a click give a range', () => {
    const values = valuesOf(
      [
        [1, 1, 3, 99],
        [1, 1, 3, 99],
      ],
      2,
    )
    const spread = spreadAround(values, [4, 2, 1], [0, 0, 0], { axis: 2, index: 0 })
    const mean = (8 + 12) / 6
    expect(spread?.mean).toBeCloseTo(mean)
    const sd = Math.sqrt((4 * (2 - mean) ** 2 + 2 * (6 - mean) ** 2) / 6)
    expect(spread?.sd).toBeCloseTo(sd)
    expect(rangeOf({ mean: 10, sd: 2 })).toEqual({ low: 5, high: 15 })
    expect(rangeOf({ mean: -1024.123456, sd: 0.3 })).toEqual({ low: -1024.874, high: -1023.373 })
    expect(rangeOf({ mean: 0, sd: 0 })).toEqual({ low: 0, high: 0 })
    for (const mean of [0.123456789, -7e-9, 123456.7, 40000]) {
      const { low, high } = rangeOf({ mean, sd: 0 })
      expect([low <= mean, high >= mean, high - low < Math.abs(mean) * 1e-3]).toEqual([
        ...[true, true, true],
      ])
    }
  })
  it('let only voxels inside the range through', () => {
    const values = valuesOf([[1, 5, 6, 7, 5, Number.NaN]], 1)
    expect([...runsWithin(Uint32Array.of(0, 3, 4, 2), values, { low: 5, high: 6 })]).toEqual([
      1, 2, 4, 1,
    ])
    const broken: Values = { ...values, data: Float32Array.of(NaN, 5) }
    expect([...runsWithin(Uint32Array.of(0, 2), broken, { low: 5, high: 6 })]).toEqual([1, 1])
  })
})

describe('a grown region', () => {
  const empty = volumeOf([
    ['......', '......'],
    ['......', '......'],
  ])
  const values = valuesOf([
    [5, 5, 9, 5, 5, 5],
    [9, 5, 9, 5, 5, 9],
    [9, 9, 9, 9, 9, 5],
    [9, 5, 5, 5, 9, 9],
  ])
  const growth = {
    at: [0, 0, 0] as [number, number, number],
    range: { low: 4, high: 6 },
    radius: 50,
  }
  it('stays on a slice, or goes on through slices', () => {
    const flat = grownRegion(
      { volume: empty, values },
      1,
      { ...growth, slice: { axis: 2, index: 0 } },
      ANY,
    )
    expect(pictureOf(empty, [flat!.edit])[0]).toEqual(['11....', '.1....'])
    const deep = grownRegion({ volume: empty, values }, 1, { ...growth, slice: null }, ANY)
    expect(pictureOf(empty, [deep!.edit])).toEqual([
      ['11.111', '.1.11.'],
      ['.....1', '.111..'],
    ])
    expect(deep).toMatchObject({ voxels: 12, limited: false })
  })
  it('ends at its radius, in mm', () => {
    const wide: LabelVolume = { ...empty, spacing: [2, 1, 1] }
    const short = grownRegion(
      { volume: wide, values },
      1,
      { ...growth, slice: null, radius: 2.5 },
      ANY,
    )
    expect(pictureOf(wide, [short!.edit])).toEqual([
      ['11....', '.1....'],
      ['......', '.1....'],
    ])
    expect(short).toMatchObject({ voxels: 4, limited: true })
  })
  it('does not pass through what is protected, or begin outside the range', () => {
    const barred = volumeOf([
      ['......', '.3....'],
      ['......', '......'],
    ])
    const inside = grownRegion({ volume: barred, values }, 1, { ...growth, slice: null }, ANY)
    expect(pictureOf(barred, [inside!.edit])[0]).toEqual(['11....', '.3....'])
    expect(
      grownRegion({ volume: empty, values }, 1, { ...growth, at: [2, 0, 0], slice: null }, ANY),
    ).toBeNull()
  })
})

describe('a crop', () => {
  it('has the label with a margin, and its edits are those of the whole', () => {
    const volume = randomVolume([7, 6, 5], [1, 1, 1], 1, 1)
    const wanted = [2 + 7 * (1 + 6 * 1), 4 + 7 * (3 + 6 * 3)]
    for (const n of wanted) volume.data[n] = 9
    expect(boxOf(volume, 8)).toBeNull()
    const box = boxOf(volume, 9)!
    expect(box).toEqual({ low: [2, 1, 1], high: [5, 4, 4] })
    const wide = widened(box, [3, 1, 9], volume.dims)
    expect(wide).toEqual({ low: [0, 0, 0], high: [7, 5, 5] })
    for (const one of [box, wide]) {
      const part = cropped(volume, one)
      const all = [{ slot: 3, runs: Uint32Array.of(0, part.data.length) }]
      const nine = [...part.data.keys()].filter((n) => part.data[n] === 9)
      const edits = [{ slot: 4, runs: Uint32Array.from(nine.flatMap((n) => [n, 1])) }]
      expect(indicesOf(uncropped(edits, one, volume.dims), 4)).toEqual(wanted)
      expect(indicesOf(uncropped(all, one, volume.dims), 3)).toHaveLength(part.data.length)
    }
  })
})

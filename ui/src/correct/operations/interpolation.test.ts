import { describe, expect, it } from 'vitest'
import { interpolated } from './interpolation'
import { pictureOf, volumeOf } from './pictures'
import { Between } from './shapes'

const EMPTY = '.........'
const PAINTED = { axis: 2, most: 10, between: 'painted' } as const

describe('a shape between two', () => {
  it('has borders between theirs', () => {
    const [first, second] = [volumeOf([['.111.....']]), volumeOf([['.1111111.']])]
    const between = new Between(first.data, second.data, first.dims, first.spacing)
    expect(between.at(0.25)?.join('')).toBe('011110000')
    expect(between.at(0.5)?.join('')).toBe('011111000')
    expect(between.at(0.75)?.join('')).toBe('011111100')
  })
  it('uses distances in mm', () => {
    // a disc of 2 mm and one of 4 mm: 2 voxels along u, 1 along v
    const small = volumeOf([[EMPTY, EMPTY, '....1....', EMPTY, EMPTY]], [1, 2, 1])
    const large = volumeOf(
      [['....1....', '..11111..', '111111111', '..11111..', '....1....']],
      [1, 2, 1],
    )
    const shape = new Between(small.data, large.data, large.dims, large.spacing).at(0.5)!
    expect(pictureOf({ ...large, data: shape }, [])).toEqual([
      [EMPTY, '....1....', '..11111..', '....1....', EMPTY],
    ])
  })
  it('does not continue what overlaps nothing', () => {
    const [first, second] = [volumeOf([['11....11.']]), volumeOf([['.11......']])]
    const between = new Between(first.data, second.data, first.dims, first.spacing)
    expect(between.at(0.5)?.join('')).toBe('111000000')
    expect(
      new Between(first.data, first.data.slice().fill(0), first.dims, [1, 1, 1]).at(0.5),
    ).toBeNull()
  })
})

describe('interpolation', () => {
  const nothing = (): Uint8Array => new Uint8Array(9 * 5)
  it('fills the slices between two that were painted', () => {
    const volume = volumeOf([['.111.....'], [EMPTY], [EMPTY], [EMPTY], ['.1111111.']])
    const { edits, slices } = interpolated(volume, nothing(), 1, PAINTED)
    expect(pictureOf(volume, edits).flat()).toEqual([
      '.111.....',
      '.1111....',
      '.11111...',
      '.111111..',
      '.1111111.',
    ])
    expect(slices).toEqual([1, 2, 3])
  })
  it('works along each axis', () => {
    const along = volumeOf([['1...1', '1...1', '....1', '.....']])
    const { edits } = interpolated(along, new Uint8Array(20), 1, { ...PAINTED, axis: 0 })
    expect(pictureOf(along, edits)).toEqual([['11111', '11111', '..111', '.....']])
    const upright = volumeOf([['111.', '....', '1...']])
    const coronal = interpolated(upright, new Uint8Array(12), 1, { ...PAINTED, axis: 1 })
    expect(pictureOf(upright, coronal.edits)).toEqual([['111.', '11..', '1...']])
  })
  it('carries an addition over to slices that have the label, and keeps the rest of them', () => {
    const base = volumeOf([
      ['11.....1.'],
      ['11....11.'],
      ['1....111.'],
      ['11....11.'],
      ['11.....1.'],
    ])
    const volume = volumeOf([
      ['1111...1.'],
      ['11....11.'],
      ['1....111.'],
      ['11....11.'],
      ['1111...1.'],
    ])
    const { edits, slices } = interpolated(volume, base.data, 1, PAINTED)
    expect(pictureOf(volume, edits).flat()).toEqual([
      '1111...1.',
      '1111..11.',
      '1.11.111.',
      '1111..11.',
      '1111...1.',
    ])
    expect(slices).toEqual([1, 2, 3])
  })
  it('carries a removal over', () => {
    const row = '111111111'
    const base = volumeOf([[row], [row], [row]])
    const volume = volumeOf([['111......'], [row], ['11111....']])
    const { edits } = interpolated(volume, base.data, 1, PAINTED)
    expect(pictureOf(volume, edits).flat()).toEqual(['111......', '1111.....', '11111....'])
  })
  it('leaves long gaps, and gaps that were not painted, unless all are wanted', () => {
    const volume = volumeOf([['1'], ['.'], ['1'], ['.'], ['.'], ['1']])
    expect(interpolated(volume, volume.data, 1, PAINTED).slices).toEqual([])
    const all = { ...PAINTED, between: 'empty' } as const
    expect(interpolated(volume, volume.data, 1, all).slices).toEqual([1, 3, 4])
    expect(interpolated(volume, volume.data, 1, { ...all, most: 1 }).slices).toEqual([1])
    expect(interpolated(volume, volume.data, 1, { ...all, axis: 0 }).slices).toEqual([])
  })
})

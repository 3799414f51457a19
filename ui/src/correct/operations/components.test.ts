import { describe, expect, it } from 'vitest'
import { slotTable } from './changes'
import { componentsOf, partAt } from './components'
import { filledArea } from './fill'
import { withoutHoles } from './holes'
import { withoutIslands } from './islands'
import { pictureOf, randomVolume, volumeOf } from './pictures'

const BACKGROUND = slotTable([0])

describe('parts', () => {
  it('are what a walk from voxel to voxel reaches', () => {
    const volume = randomVolume([9, 7, 6], [1, 1, 1], 2, 5)
    const all = componentsOf(volume, slotTable([1]))
    const [ni, nj] = volume.dims
    const seen = new Map<number, number>()
    for (const n of volume.data.keys()) {
      if (volume.data[n] === 0) {
        expect(partAt(all, n)).toBe(-1)
        continue
      }
      if (seen.has(n)) continue
      const walk = [n]
      seen.set(n, n)
      for (const at of walk) {
        const [i, j] = [at % ni, Math.floor(at / ni) % nj]
        const steps = [
          ...(i > 0 ? [-1] : []),
          ...(i < ni - 1 ? [1] : []),
          ...(j > 0 ? [-ni] : []),
          ...(j < nj - 1 ? [ni] : []),
          -ni * nj,
          ni * nj,
        ]
        for (const next of steps.map((step) => at + step)) {
          if (volume.data[next] !== 1 || seen.has(next)) continue
          seen.set(next, n)
          walk.push(next)
        }
      }
      expect(walk.map((at) => partAt(all, at))).toEqual(walk.map(() => partAt(all, n)))
      expect(all.sizes[partAt(all, n)]).toBe(walk.length)
    }
    expect(new Set(seen.values()).size).toBe(all.sizes.length)
  })
  it('do not go on from the end of a row to the next one', () => {
    const volume = volumeOf([['..1', '1..']])
    expect([...componentsOf(volume, slotTable([1])).sizes]).toEqual([1, 1])
  })
})

describe('islands', () => {
  const slices = volumeOf([
    ['11..1', '.1..2', '.....'],
    ['1....', '.....', '..111'],
  ])
  it('all but the largest part, which is connected between slices', () => {
    expect(pictureOf(slices, withoutIslands(slices, 1, 'largest'))).toEqual([
      ['11...', '.1..2', '.....'],
      ['1....', '.....', '.....'],
    ])
  })
  it('or those with fewer voxels', () => {
    expect(pictureOf(slices, withoutIslands(slices, 1, 3))).toEqual([
      ['11...', '.1..2', '.....'],
      ['1....', '.....', '..111'],
    ])
    expect(withoutIslands(slices, 3, 'largest')).toEqual([])
  })
})

describe('holes', () => {
  const ring = ['.....', '.111.', '.1.1.', '.111.', '.....']
  const lid = ['.....', '.....', '..1..', '.....', '.....']
  it('are closed in 3D, or on each slice', () => {
    const tube = volumeOf([ring, ring])
    expect(withoutHoles(tube, 1, null, BACKGROUND)).toEqual([])
    const full = ring.map((row) => row.replace('1.1', '111'))
    expect(pictureOf(tube, withoutHoles(tube, 1, 2, BACKGROUND))).toEqual([full, full])
    const closed = volumeOf([lid, ring, lid])
    expect(pictureOf(closed, withoutHoles(closed, 1, null, BACKGROUND))).toEqual([lid, full, lid])
  })
  it('are found on slices along each axis', () => {
    const upright = volumeOf(ring.map((row) => [row]))
    expect(pictureOf(upright, withoutHoles(upright, 1, 1, BACKGROUND)).flat()[2]).toBe('.111.')
    const sideways = volumeOf(ring.map((row) => [...row]))
    expect(pictureOf(sideways, withoutHoles(sideways, 1, 0, BACKGROUND))[2]!.join('')).toBe('.111.')
  })
  it('keep other labels inside, and are open at the edge', () => {
    const slice = volumeOf([['1111', '1.21', '1111', '1..1']])
    expect(pictureOf(slice, withoutHoles(slice, 1, 2, BACKGROUND))).toEqual([
      ['1111', '1121', '1111', '1..1'],
    ])
    expect(pictureOf(slice, withoutHoles(slice, 1, 2, slotTable([2])))[0]![1]).toBe('1.11')
  })
})

describe('filling', () => {
  const slices = volumeOf([
    ['2221', '2.21', '2221'],
    ['2...', '....', '...2'],
  ])
  it('gives the connected area of a slice the label', () => {
    const edits = filledArea(slices, [0, 0, 0], 1, { axis: 2, index: 0 })
    expect(pictureOf(slices, edits as never)).toEqual([
      ['1111', '1.11', '1111'],
      ['2...', '....', '...2'],
    ])
  })
  it('or that of the whole scan, or along another axis', () => {
    const whole = filledArea(slices, [0, 0, 0], 0, null)
    expect(pictureOf(slices, whole as never)[1]).toEqual(['....', '....', '...2'])
    const coronal = filledArea(slices, [0, 0, 1], 3, { axis: 1, index: 0 })
    expect(pictureOf(slices, coronal as never)).toEqual([
      ['3331', '2.21', '2221'],
      ['3...', '....', '...2'],
    ])
  })
  it('fills a hole of the background, and no open background', () => {
    const hole = filledArea(slices, [1, 1, 0], 1, { axis: 2, index: 0 })
    expect(pictureOf(slices, hole as never)[0]![1]).toBe('2121')
    expect(filledArea(slices, [1, 1, 1], 1, { axis: 2, index: 1 })).toBe('open')
    expect(filledArea(slices, [3, 0, 0], 1, { axis: 2, index: 0 })).toBe('same')
  })
})

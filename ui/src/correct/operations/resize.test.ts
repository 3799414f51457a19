import { describe, expect, it } from 'vitest'
import type { Point } from '../../schemas'
import type { LabelVolume } from '../labels'
import { slotTable } from './changes'
import { squaredDistances } from './distance'
import { indicesOf, pictureOf, randomVolume, volumeOf } from './pictures'
import { reachOf, resized } from './resize'

const BACKGROUND = slotTable([0])

function voxels({ dims: [ni, nj, nk] }: LabelVolume): Point[] {
  return Array.from({ length: ni * nj * nk }, (_, n) => {
    return [n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)]
  })
}

/** By comparing each voxel with each. */
function expected(volume: LabelVolume, slot: number, mm: number, over: Uint8Array): number[] {
  const all = voxels(volume)
  const grows = mm > 0
  const apart = (a: Point, b: Point): number =>
    Math.hypot(...a.map((n, axis) => (n - b[axis]!) * volume.spacing[axis]!))
  const near = (n: number): boolean =>
    all.some((other, m) => {
      const chosen = (volume.data[m] === slot) === grows
      return chosen && apart(all[n]!, other) <= Math.abs(mm) + 1e-6
    })
  return [...volume.data.keys()].filter((n) => {
    const candidate = grows ? over[volume.data[n]!] === 1 : volume.data[n] === slot
    return candidate && near(n)
  })
}

describe('distances', () => {
  it('are exact on an anisotropic slice', () => {
    const { data, dims } = randomVolume([13, 9, 1], [1, 1, 1], 12, 3)
    const mask = data.map((one) => Number(one === 1))
    const squared = squaredDistances(mask, [13, 9], [0.7, 2.5])
    const marked = voxels({ data, dims, spacing: [1, 1, 1] })
    for (const [n, [u, v]] of marked.entries()) {
      const all = marked.filter((_, m) => mask[m] === 1)
      const nearest = Math.min(...all.map(([a, b]) => ((a - u) * 0.7) ** 2 + ((b - v) * 2.5) ** 2))
      expect(squared[n]).toBeCloseTo(nearest, 9)
    }
  })
  it('are infinite where there is nothing to reach', () => {
    expect([...squaredDistances(new Uint8Array(4), [2, 2], [1, 1])]).toEqual(
      Array(4).fill(Infinity),
    )
  })
})

describe('growing and shrinking', () => {
  it('adds a ball of the true size on an anisotropic grid', () => {
    const point = volumeOf(
      [
        ['.....', '.....', '.....'],
        ['.....', '..1..', '.....'],
        ['.....', '.....', '.....'],
      ],
      [1, 2, 2.2],
    )
    expect(pictureOf(point, resized(point, 1, 2, BACKGROUND))).toEqual([
      ['.....', '.....', '.....'],
      ['..1..', '11111', '..1..'],
      ['.....', '.....', '.....'],
    ])
    expect(pictureOf(point, resized(point, 1, 2.25, BACKGROUND))).toEqual([
      ['.....', '..1..', '.....'],
      ['.111.', '11111', '.111.'],
      ['.....', '..1..', '.....'],
    ])
  })
  it('leaves other labels as they are, or takes one that is named', () => {
    const row = volumeOf([['1.2233']])
    expect(pictureOf(row, resized(row, 1, 3, BACKGROUND))).toEqual([['112233']])
    expect(pictureOf(row, resized(row, 1, 3, slotTable([2])))).toEqual([['1.1133']])
  })
  it('removes what is near another label or the background, not what is at the edge', () => {
    const row = volumeOf([['1111..1112']])
    expect(pictureOf(row, resized(row, 1, -1, BACKGROUND))).toEqual([['111....1.2']])
  })
  it.each([-2.1, -0.9, 0.9, 1.4, 3])('by %d mm is exact on a random grid', (mm) => {
    const volume = randomVolume([9, 8, 6], [0.9, 1.4, 2], 4, 7)
    // a lump, so that something is left when it is shrunk
    for (const [n, [i, j]] of voxels(volume).entries()) if (i > 2 && j > 3) volume.data[n] = 1
    const edits = resized(volume, 1, mm, slotTable([0, 3]))
    const found = indicesOf(edits, mm > 0 ? 1 : 0)
    expect(found).toEqual(expected(volume, 1, mm, slotTable([0, 3])))
    expect(found.length).toBeGreaterThan(10)
  })
  it('reaches as far as whole voxels do', () => {
    expect(reachOf(0.3, [0.1, 0.2, 1])).toEqual([3, 1, 0])
  })
})

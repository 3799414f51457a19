import { describe, expect, it } from 'vitest'
import type { LabelVolume } from '../labels'
import { slotTable } from './changes'
import { indicesOf, pictureOf, randomVolume, volumeOf } from './pictures'
import { reachOf, smoothed } from './smooth'

const BACKGROUND = slotTable([0])

/** The blurred mask by the definition: a sum over all voxels within three standard deviations. */
function share({ data, dims, spacing }: LabelVolume, slot: number, mm: number, at: number): number {
  const [ni, nj] = dims
  const place = [at % ni, Math.floor(at / ni) % nj, Math.floor(at / ni / nj)]
  const reach = reachOf(mm, spacing)
  let [sum, total] = [0, 0]
  for (let c = -reach[2]; c <= reach[2]; c++)
    for (let b = -reach[1]; b <= reach[1]; b++)
      for (let a = -reach[0]; a <= reach[0]; a++) {
        const apart = [a, b, c].map((n, axis) => n * spacing[axis]!)
        const weight = Math.exp(-0.5 * apart.reduce((all, d) => all + (d / mm) ** 2, 0))
        const [i, j, k] = [a, b, c].map((n, axis) =>
          Math.min(dims[axis]! - 1, Math.max(0, place[axis]! + n)),
        ) as [number, number, number]
        total += weight
        if (data[i + ni * (j + nj * k)] === slot) sum += weight
      }
  return sum / total
}

describe('smoothing', () => {
  it('removes a spike, fills a notch, and keeps flat sides and the edge', () => {
    const slice = volumeOf([['.........', '....1....', '1111111.1', '111111111', '111111111']])
    expect(pictureOf(slice, smoothed(slice, 1, 0.9, BACKGROUND))).toEqual([
      ['.........', '.........', '111111111', '111111111', '111111111'],
    ])
  })
  it('is that of mm: thick slices do not mix', () => {
    const column = volumeOf([['...'], ['111'], ['...']], [1, 1, 4])
    expect(smoothed(column, 1, 1, BACKGROUND)).toEqual([])
    const thin = { ...column, spacing: [1, 1, 1] } as LabelVolume
    expect(pictureOf(thin, smoothed(thin, 1, 1, BACKGROUND))).toEqual([['...'], ['...'], ['...']])
  })
  it('takes nothing from other labels', () => {
    const slice = volumeOf([['11211', '11111', '11111']])
    expect(smoothed(slice, 1, 1, BACKGROUND)).toEqual([])
    expect(pictureOf(slice, smoothed(slice, 1, 1, slotTable([2])))[0]![0]).toBe('11111')
  })
  it('is the blurred mask of one half on a random grid', () => {
    const volume = randomVolume([8, 7, 6], [0.8, 1.1, 1.7], 3, 11)
    const edits = smoothed(volume, 1, 1, BACKGROUND)
    const inside = (n: number): boolean => share(volume, 1, 1, n) >= 0.5
    const all = [...volume.data.keys()]
    expect(indicesOf(edits, 1)).toEqual(all.filter((n) => volume.data[n] === 0 && inside(n)))
    expect(indicesOf(edits, 0)).toEqual(all.filter((n) => volume.data[n] === 1 && !inside(n)))
    expect(indicesOf(edits, 0).length).toBeGreaterThan(5)
  })
})

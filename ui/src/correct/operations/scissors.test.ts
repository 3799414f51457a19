import { describe, expect, it } from 'vitest'
import { numbersFrom, pictureOf, volumeOf } from './pictures'
import { type Corner, rowsInside } from './polygon'
import { scissored } from './scissors'

function picture(corners: Corner[], nu: number, nv: number): string[] {
  const rows = rowsInside(corners, nu, nv)
  return Array.from({ length: nv }, (_, v) => {
    const inside = (u: number): boolean =>
      rows.get(v)?.some(([from, to]) => from <= u && u <= to) ?? false
    return Array.from({ length: nu }, (_, u) => (inside(u) ? '1' : '.')).join('')
  })
}

/** By the definition: the turns around a point, or the distance to the nearest edge. */
function contains(corners: Corner[], u: number, v: number): boolean {
  let [turns, nearest] = [0, Infinity]
  for (const [n, [au, av]] of corners.entries()) {
    const [bu, bv] = corners[(n + 1) % corners.length]!
    const square = (bu - au) ** 2 + (bv - av) ** 2
    const share = Math.min(
      1,
      Math.max(0, ((u - au) * (bu - au) + (v - av) * (bv - av)) / (square || 1)),
    )
    nearest = Math.min(nearest, Math.hypot(au + share * (bu - au) - u, av + share * (bv - av) - v))
    const first = Math.atan2(av - v, au - u)
    let turn = Math.atan2(bv - v, bu - u) - first
    if (turn > Math.PI) turn -= 2 * Math.PI
    if (turn < -Math.PI) turn += 2 * Math.PI
    turns += turn
  }
  return nearest <= 1e-3 || Math.abs(turns) > Math.PI
}

describe('a polygon', () => {
  it('contains voxels whose centre is inside or on the border', () => {
    const diamond: Corner[] = [
      [3, 0],
      [6, 3],
      [3, 6],
      [0, 3],
    ]
    expect(picture(diamond, 7, 7)).toEqual([
      '...1...',
      '..111..',
      '.11111.',
      '1111111',
      '.11111.',
      '..111..',
      '...1...',
    ])
    const between = diamond.map(([u, v]): Corner => [u * 0.99 + 0.03, v * 0.99 + 0.03])
    expect(picture(between, 7, 7)).toEqual([
      '.......',
      '...1...',
      '..111..',
      '.11111.',
      '..111..',
      '...1...',
      '.......',
    ])
  })
  it('contains what it winds around, also where it crosses itself', () => {
    const loop: Corner[] = [
      [0, 0],
      [6, 0],
      [6, 4],
      [0, 4],
      [0, 0],
      [6, 0],
      [6, 2],
      [0, 2],
    ]
    expect(picture(loop, 7, 5)).toEqual(Array(5).fill('1111111'))
    const eight: Corner[] = [
      [0.1, 0],
      [6.1, 4],
      [6.1, 0],
      [0.1, 4],
    ]
    expect(picture(eight, 7, 5)).toEqual(['.......', '.1...11', '.111111', '.1...11', '.......'])
  })
  it('is cut off at the edge of the slice, and may be a line', () => {
    expect(
      picture(
        [
          [-5, -5],
          [1.5, -5],
          [1.5, 9],
          [-5, 9],
        ],
        4,
        2,
      ),
    ).toEqual(['11..', '11..'])
    expect(
      picture(
        [
          [1, 1],
          [3, 1],
        ],
        5,
        3,
      ),
    ).toEqual(['.....', '.111.', '.....'])
  })
  it('contains the same voxels as by the definition', () => {
    const next = numbersFrom(17)
    for (let n = 0; n < 40; n++) {
      const whole = n % 2 === 0 // corners on centres, so that borders pass through voxels
      const corners = Array.from({ length: 3 + (n % 6) }, (): Corner => {
        const [u, v] = [next() * 14 - 1, next() * 12 - 1]
        return whole ? [Math.round(u), Math.round(v)] : [u, v]
      })
      const expected = Array.from({ length: 10 }, (_, v) =>
        Array.from({ length: 12 }, (_, u) => (contains(corners, u, v) ? '1' : '.')).join(''),
      )
      expect(picture(corners, 12, 10)).toEqual(expected)
    }
  })
})

describe('scissors', () => {
  const box: Corner[] = [
    [0.5, 0.5],
    [2.5, 0.5],
    [2.5, 5],
    [0.5, 5],
  ]
  const volume = volumeOf([
    ['....', '.2..', '..1.'],
    ['1111', '1111', '1111'],
    ['....', '2222', '....'],
  ])
  it('fill on one slice, over other labels', () => {
    const cut = { corners: box, slice: { axis: 2, index: 0 } as const, beside: 0, fills: true }
    expect(pictureOf(volume, scissored(volume, 1, cut))).toEqual([
      ['....', '.11.', '.11.'],
      ['1111', '1111', '1111'],
      ['....', '2222', '....'],
    ])
  })
  it('erase the label alone, on slices beside', () => {
    const cut = { corners: box, slice: { axis: 2, index: 0 } as const, beside: 1, fills: false }
    expect(pictureOf(volume, scissored(volume, 1, cut))).toEqual([
      ['....', '.2..', '....'],
      ['1111', '1..1', '1..1'],
      ['....', '2222', '....'],
    ])
  })
  it('cut through all slices of any axis', () => {
    const coronal = { corners: box, slice: { axis: 1, index: 2 } as const, beside: 1, fills: true }
    expect(pictureOf(volume, scissored(volume, 3, coronal))).toEqual([
      ['....', '.2..', '..1.'],
      ['1111', '1331', '1331'],
      ['....', '2332', '.33.'],
    ])
    const sagittal = {
      corners: box,
      slice: { axis: 0, index: 0 } as const,
      beside: Infinity,
      fills: true,
    }
    expect(pictureOf(volume, scissored(volume, 3, sagittal))).toEqual([
      ['....', '.2..', '..1.'],
      ['1111', '3333', '3333'],
      ['....', '3333', '3333'],
    ])
  })
})

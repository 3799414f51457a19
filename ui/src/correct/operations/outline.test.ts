import { expect, it } from 'vitest'
import { outlineOf } from './outline'

const RUNS = Uint32Array.of(1, 2, 5, 1) // (1, 0, 0), (2, 0, 0) and (1, 1, 0) of 4 x 2 x 2

it('follows the sides of voxels, joined where they are straight', () => {
  const outline = outlineOf(RUNS, [4, 2, 2], { axis: 2, index: 0 })
  expect(outline).toEqual([
    [0.5, -0.5, 2.5, -0.5],
    [1.5, 0.5, 2.5, 0.5],
    [0.5, 1.5, 1.5, 1.5],
    [0.5, -0.5, 0.5, 1.5],
    [1.5, 0.5, 1.5, 1.5],
    [2.5, -0.5, 2.5, 0.5],
  ])
})

it('is that of one slice along any axis', () => {
  expect(outlineOf(RUNS, [4, 2, 2], { axis: 2, index: 1 })).toEqual([])
  expect(outlineOf(RUNS, [4, 2, 2], { axis: 1, index: 1 })).toEqual([
    [0.5, -0.5, 1.5, -0.5],
    [0.5, 0.5, 1.5, 0.5],
    [0.5, -0.5, 0.5, 0.5],
    [1.5, -0.5, 1.5, 0.5],
  ])
  expect(outlineOf(new Uint32Array(), [4, 2, 2], { axis: 0, index: 0 })).toEqual([])
})

import { expect, it } from 'vitest'
import type { Point } from '../schemas'
import { indexOf } from './geometry'
import { nearestVoxel } from './nearest'
import type { Grid } from './nifti'

/** A mask of 9 x 5 x 3 voxels of 1 x 1 x 4 mm, with these voxels of label 2. */
function mask(...voxels: Point[]): Grid {
  const dims: Point = [9, 5, 3]
  const data = new Uint8Array(9 * 5 * 3).fill(1)
  for (const voxel of voxels) data[indexOf(voxel, dims)] = 2
  const affine = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 4, 0],
    [0, 0, 0, 1],
  ]
  return { dims, data, affine, components: 1, slope: 1, intercept: 0 }
}

it('keeps a centre that is inside of the label', () => {
  expect(nearestVoxel(mask([4, 2, 1], [0, 0, 0]), 2, [4.2, 1.8, 1])).toEqual([4.2, 1.8, 1])
})

it('goes to the nearer one of two parts, in mm and not in voxels', () => {
  expect(nearestVoxel(mask([1, 2, 1], [8, 2, 1]), 2, [4, 2, 1])).toEqual([1, 2, 1])
  expect(nearestVoxel(mask([1, 2, 1], [4, 2, 2]), 2, [4, 2, 1])).toEqual([1, 2, 1]) // 3 mm, 4 mm
})

it('stays at the point if there is no such voxel', () => {
  expect(nearestVoxel(mask(), 2, [4, 2, 1])).toEqual([4, 2, 1])
  expect(nearestVoxel(mask([0, 0, 0]), 2, [-3, 2, 1])).toEqual([0, 0, 0])
})

import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import { Camera } from './camera'
import type { Grid } from './nifti'
import { Space } from './space'

const GRID = {
  dims: [20, 30, 10],
  affine: [
    [0, -0.5, 0, 40],
    [2, 0, 0, -10],
    [0, 0, -3, 7],
    [0, 0, 0, 1],
  ],
} as Grid

describe('space', () => {
  it('places voxels in the patient space of DICOM', () => {
    const space = Space.ofVolume(GRID, [1, 1, 1])
    expect(space.toScene([0, 0, 0])).toEqual([-40, 10, 7])
    expect(space.toScene([1, 2, 3]).map((n) => n + 0)).toEqual([-39, 8, -2])
    expect(space.toVoxel([-39, 8, -2]).map(Math.round)).toEqual([1, 2, 3])
  })

  it('snaps to drawn voxels, within the grid', () => {
    const space = Space.ofVolume(GRID, [1, 4, 1])
    expect(space.nearest([-3, 9.9, 99])).toEqual([0, 8, 9])
    expect(space.nearest([0, 29, 0])).toEqual([0, 28, 0])
  })

  it('has the first row of an image, the last of its volume, on top', () => {
    const space = Space.ofImage({ ...GRID, dims: [20, 30, 1] } as Grid, [1, 1, 1])
    expect(space.toScene([0, 29, 0])[1]).toBeCloseTo(0)
    expect(space.toScene([0, 0, 0])[1]).toBeGreaterThan(0)
  })
})

describe('camera', () => {
  it('finds the pixel of a point, and the point of a pixel', () => {
    const space = Space.ofVolume(GRID, [1, 1, 1])
    const look = { point: space.toScene([3, 4, 5]), centre: space.middle, zoom: 2 }
    for (const plane of Object.values(space.planes)) {
      const camera = new Camera(space, plane, look, { width: 400, height: 300 })
      const point: Point = look.point
      expect(camera.distance(point)).toBeCloseTo(0)
      const back = camera.toScene(camera.toPixel(point))
      for (const [axis, n] of back.entries()) expect(n).toBeCloseTo(point[axis]!)
    }
  })

  it('shows the whole grid at zoom 1', () => {
    const space = Space.ofVolume(GRID, [1, 1, 1])
    const look = { point: space.middle, centre: space.middle, zoom: 1 }
    const camera = new Camera(space, space.planes.axial!, look, { width: 400, height: 300 })
    for (const corner of [
      [-0.5, -0.5, 4.5],
      [19.5, 29.5, 4.5],
    ] as Point[]) {
      const { x, y } = camera.toPixel(space.toScene(corner))
      expect(Math.min(x, y)).toBeGreaterThan(-1e-6)
      expect(x).toBeLessThan(400 + 1e-6)
      expect(y).toBeLessThan(300 + 1e-6)
    }
  })
})

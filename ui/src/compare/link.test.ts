import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import { Camera } from '../viewer/camera'
import type { Grid } from '../viewer/nifti'
import type { Gaze } from '../viewer/port'
import { Space } from '../viewer/space'
import { Link, turned } from './link'

/** Looks at the slices of a grid, as a viewer does, without drawing them. */
class Looker {
  private look: Gaze
  private exact: Point | null = null
  drawn = (): void => {}

  constructor(private readonly space: Space) {
    this.look = { point: space.middle, centre: space.middle, zoom: 1, active: 'axial' }
  }

  get gaze(): Gaze {
    return { ...this.look, point: this.exact ?? this.look.point }
  }

  get voxel(): Point {
    return this.space.toVoxel(this.look.point)
  }

  follow(gaze: Gaze): void {
    this.exact = gaze.point
    const voxel = this.space.nearest(this.space.toVoxel(gaze.point))
    this.look = { ...gaze, point: this.space.toScene(voxel) }
    this.drawn()
  }

  moveTo(voxel: Point): void {
    this.exact = null
    this.look = { ...this.look, point: this.space.toScene(voxel) }
    this.drawn()
  }
}

function spaceOf(dims: Point, affine: number[][]): Space {
  const grid = { dims, affine } as unknown as Grid
  return Space.ofVolume(grid, [1, 1, 1])
}

const FINE = [
  [1, 0, 0, -20],
  [0, 1, 0, -20],
  [0, 0, 1, -20],
  [0, 0, 0, 1],
]
/** Turned by 90 degrees about z and with thick slices. */
const COARSE = [
  [0, 2, 0, -22],
  [-2, 0, 0, 22],
  [0, 0, 5, -25],
  [0, 0, 0, 1],
]

function linked(): { link: Link; fine: Looker; coarse: Looker } {
  const fine = new Looker(spaceOf([40, 40, 40], FINE))
  const coarse = new Looker(spaceOf([22, 22, 10], COARSE))
  const link = new Link([fine, coarse])
  fine.drawn = () => link.drawn(0)
  coarse.drawn = () => link.drawn(1)
  return { link, fine, coarse }
}

describe('linked viewers', () => {
  it('look at the same position in mm on other grids', () => {
    const { fine, coarse } = linked()
    fine.moveTo([24, 12, 31])
    expect(coarse.gaze.point).toEqual(fine.gaze.point)
    expect(coarse.voxel.map(Math.round)).toEqual([15, 13, 7]) // RAS 4, -8, 11
  })

  it('do not move each other by the rounding to a coarser grid', () => {
    const { fine, coarse } = linked()
    for (let k = 20; k < 26; k++) {
      fine.moveTo([20, 20, k])
      coarse.drawn() // such as after a change of the window
      expect(fine.voxel[2]).toBeCloseTo(k)
    }
    coarse.moveTo([11, 11, 3])
    expect(fine.gaze.point).toEqual(coarse.gaze.point)
  })

  it('keep the offset that was set by hand', () => {
    const { link, fine, coarse } = linked()
    link.on = false
    fine.moveTo([20, 20, 20])
    coarse.moveTo([11, 11, 8])
    const before = coarse.gaze.point
    link.here()
    expect(coarse.gaze.point).toEqual(before)
    fine.moveTo([20, 20, 22])
    expect(coarse.gaze.point[2]).toBeCloseTo(before[2] + 2)
    coarse.moveTo([11, 11, 8])
    expect(fine.gaze.point[2]).toBeCloseTo(0)
  })

  it('have one scale', () => {
    const [a, b] = [spaceOf([40, 40, 40], FINE), spaceOf([22, 22, 10], COARSE)]
    const size = { width: 300, height: 200 }
    const look = { point: a.middle, centre: a.middle, zoom: 2 }
    for (const plane of ['axial', 'coronal', 'sagittal'] as const) {
      const [mine, its] = [a.planes[plane]!, b.planes[plane]!]
      const scale = new Camera(a, mine, look, size, [b, its]).scale
      expect(new Camera(b, its, look, size, [a, mine]).scale).toBeCloseTo(scale)
    }
  })

  it('show offsets in RAS+', () => {
    expect(turned([1, -2, 3], false)).toEqual([-1, 2, 3])
    expect(turned([0, 0, 0], false)).toEqual([0, 0, 0])
    expect(turned([1, -2, 3], true)).toEqual([1, -2, 3])
  })
})

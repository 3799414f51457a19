import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import { voxelAt, voxelsOf } from './labels'
import { ballStroke, discStroke, type Shape } from './stroke'

const SHAPE: Shape = { dims: [12, 10, 8], spacing: [0.7, 1.1, 2.5] }

function voxelsIn(runs: Uint32Array, { dims }: Shape): string[] {
  const all: string[] = []
  for (let n = 0; n < runs.length; n += 2) {
    for (let at = runs[n]!; at < runs[n]! + runs[n + 1]!; at++) all.push(voxelAt(at, dims).join())
  }
  return all.sort()
}

/** By trying many points of the line. */
function near(shape: Shape, from: Point, to: Point, radius: number, keep: (v: Point) => boolean) {
  const all: string[] = []
  const [ni, nj, nk] = shape.dims
  for (let n = 0; n < ni * nj * nk; n++) {
    const voxel = voxelAt(n, shape.dims)
    if (!keep(voxel)) continue
    const distances = Array.from({ length: 2001 }, (_, step) =>
      Math.hypot(
        ...voxel.map((at, axis) => {
          const on = from[axis]! + ((to[axis]! - from[axis]!) * step) / 2000
          return (at - on) * shape.spacing[axis]!
        }),
      ),
    )
    if (Math.min(...distances) <= radius) all.push(voxel.join())
  }
  return all.sort()
}

describe('a stroke', () => {
  it.each([0, 1, 2] as const)('stays on its slice along axis %i, with no gap', (axis) => {
    const from: Point = [2.3, 3.1, 2.2]
    const to: Point = [9.4, 6.7, 5.1]
    from[axis] = to[axis] = 4
    const runs = discStroke(SHAPE, axis, from, to, 1.9)
    expect(voxelsIn(runs, SHAPE)).toEqual(near(SHAPE, from, to, 1.9, (voxel) => voxel[axis] === 4))
  })

  it('of a ball is on all slices', () => {
    const [from, to]: [Point, Point] = [
      [2.3, 3.1, 2.2],
      [9.4, 6.7, 5.1],
    ]
    const runs = ballStroke(SHAPE, from, to, 2.6)
    expect(voxelsIn(runs, SHAPE)).toEqual(near(SHAPE, from, to, 2.6, () => true))
  })

  it('of a still pointer is a disc, with the centres on its border', () => {
    const shape: Shape = { dims: [7, 7, 1], spacing: [0.1, 0.1, 1] }
    const runs = discStroke(shape, 2, [3, 3, 0], [3, 3, 0], 0.3)
    expect(voxelsOf(runs)).toBe(29)
  })

  it('ends at the border of the scan', () => {
    const all = { dims: SHAPE.dims, spacing: [1, 1, 1] as Point }
    expect([...ballStroke(all, [-50, 0, 0], [-50, 0, 0], 3)]).toEqual([])
    expect([...ballStroke(all, [-3, 0, 0], [-3, 0, 0], 3)]).toEqual([0, 1])
    expect(voxelsOf(ballStroke(all, [-5, -5, -5], [20, 20, 20], 100))).toBe(960)
  })
})

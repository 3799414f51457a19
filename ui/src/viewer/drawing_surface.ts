/** Panes as surfaces that others draw on. */

import type { Point } from '../schemas'
import type { Camera } from './camera'
import { dot, toVoxel, toWorld } from './geometry'
import type { Pane } from './pane'
import type { DrawingSurface, StoredSlice } from './port'
import type { Scan } from './scan'

/** `voxel`: the one under the crosshair, whose slice is on screen. */
export function drawingSurfaceOf(
  pane: Pane,
  camera: Camera,
  scan: Scan,
  voxel: Point,
): DrawingSurface {
  const { space } = scan
  const { axis } = camera.plane
  const half = space.step[axis]! / 2 + 0.01
  return {
    plane: pane.plane === 'image' ? 'axial' : pane.plane,
    root: pane.root,
    toPixel: (point) => camera.toPixel(space.toScene(voxelOf(scan, point))),
    toPoint: (at) => {
      const on = space.toVoxel(camera.toScene(at))
      on[axis] = voxel[axis]!
      return pointOf(scan, on.map((n, i) => within(n, scan.grid.dims[i]!)) as Point)
    },
    shows: (point) => Math.abs(voxelOf(scan, point)[axis]! - voxel[axis]!) <= half,
    stored: storedSlice(camera, scan, voxel),
  }
}

function storedSlice(camera: Camera, { space }: Scan, voxel: Point): StoredSlice {
  const { axis, next } = camera.plane
  return {
    axis,
    index: voxel[axis],
    next,
    scale: camera.scale,
    toVoxel: (at) => {
      const on = space.toVoxel(camera.toScene(at))
      on[axis] = voxel[axis]
      return on
    },
    toPixel: (on) => camera.toPixel(space.toScene(on)),
  }
}

/** A point of measurements at voxel coordinates: the last row of an image is at j = 0. */
export function pointOf({ flat, grid }: Scan, voxel: Point): Point {
  return flat ? [voxel[0], grid.dims[1] - 1 - voxel[1], 0] : toWorld(grid.affine, voxel)
}

function voxelOf({ flat, grid }: Scan, point: Point): Point {
  return flat ? [point[0], grid.dims[1] - 1 - point[1], 0] : toVoxel(grid.affine, point)
}

/** The voxel that is so many drawn voxels to the right and down on screen. */
export function stepped(
  camera: Camera,
  scan: Scan,
  voxel: Point,
  right: number,
  down: number,
): Point {
  const { directions, step } = scan.space
  const along = (n: number): number =>
    right * dot(directions[n]!, camera.plane.right) - down * dot(directions[n]!, camera.plane.up)
  return voxel.map((at, n) => at + Math.round(along(n)) * step[n]!) as Point
}

/** The grid ends half a voxel beyond its last centre. */
function within(voxel: number, count: number): number {
  return Math.min(count - 0.5, Math.max(-0.5, voxel))
}

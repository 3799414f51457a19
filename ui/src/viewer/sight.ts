/** Where one looks in the scan: the crosshair, the zoom, and the camera of each pane. */

import type { Point } from '../schemas'
import { Camera, type Look } from './camera'
import { stepped } from './drawing_surface'
import { plus, scaled, toVoxel, toWorld } from './geometry'
import { type Pane, planeOf } from './pane'
import type { Plane, ScreenPoint } from './port'
import type { Scan } from './scan'
import type { Orientation, Space } from './space'

const MOST_ZOOM = 60

export class Sight {
  /** Null: none is shown. */
  scan: Scan | null = null
  look: Look = { point: [0, 0, 0], centre: [0, 0, 0], zoom: 1 }
  /** Under the crosshair. */
  voxel: Point = [0, 0, 0]
  /** Where the crosshair of another viewer is, in the scene; null: in the middle of a voxel. */
  private followed: Point | null = null
  /** Of another viewer, which is drawn at the same scale. */
  beside: Space | null = null

  clear(): void {
    this.scan = null
    this.followed = null
  }

  // the crosshair

  /** Where the crosshair is drawn, in the scene. */
  get point(): Point {
    return this.followed ?? this.look.point
  }

  get untouched(): boolean {
    return this.scan !== null && String(this.voxel) === String(this.scan.start)
  }

  /** Whether the point that is followed is outside of the scan. */
  get outside(): boolean {
    const { scan, followed } = this
    if (scan === null || followed === null) return false
    const at = scan.space.toVoxel(followed)
    return at.some((n, axis) => n < -0.5 || n > scan.grid.dims[axis]! - 0.5)
  }

  pointAt(voxel: Point): void {
    const { space } = this.scan!
    this.followed = null
    this.voxel = space.nearest(voxel)
    this.look = { ...this.look, point: space.toScene(this.voxel) }
  }

  /** Looks where another viewer does: at the nearest slices. */
  follow(look: Look): void {
    const { space } = this.scan!
    this.voxel = space.nearest(space.toVoxel(look.point))
    this.look = { ...look, point: space.toScene(this.voxel) }
    this.followed = look.point
  }

  /** The voxel so many slices further, in the order of the wheel. */
  scrolled(plane: Plane, slices: number): Point {
    const { space } = this.scan!
    const { axis, next } = space.planes[plane]!
    const voxel: Point = [...this.voxel]
    voxel[axis] += slices * next * space.step[axis]!
    return voxel
  }

  /** The voxel that is so many drawn voxels to the right and down in a pane. */
  stepped(camera: Camera, right: number, down: number): Point {
    return stepped(camera, this.scan!, this.voxel, right, down)
  }

  /** Of the slice on screen: from 1, in the direction of the next slice; and of how many. */
  slice({ axis, next }: Orientation): { number: number; count: number } {
    const { step, dims } = this.scan!.space
    const index = this.voxel[axis] / step[axis]
    const count = Math.ceil(dims[axis] / step[axis])
    return { number: next > 0 ? index + 1 : count - index, count }
  }

  // the part of the slices that is shown

  /** Null for a pane that is not on screen. */
  cameraOf(pane: Pane): Camera | null {
    const size = pane.size
    const plane = this.scan?.space.planes[planeOf(pane)]
    if (!pane.visible || plane === undefined || size.width === 0) return null
    const other = this.beside?.planes[planeOf(pane)]
    const beside: [Space, Orientation] | null = other === undefined ? null : [this.beside!, other]
    return new Camera(this.scan!.space, plane, this.look, size, beside)
  }

  /** Shows the whole slices. */
  fit(): void {
    if (this.scan !== null) this.look = { ...this.look, centre: this.scan.space.middle, zoom: 1 }
  }

  /** `fixed`: the point that stays where it is on screen. */
  zoom(factor: number, fixed: Point): void {
    const zoom = Math.min(MOST_ZOOM, this.look.zoom * factor)
    if (zoom <= 1.001) {
      this.fit()
      return
    }
    const share = this.look.zoom / zoom
    const centre = plus(fixed, plus(this.look.centre, fixed, -1), share)
    this.look = { ...this.look, centre, zoom }
  }

  /** Moves the image with a drag by pixels. */
  move(camera: Camera, dx: number, dy: number): void {
    this.look = { ...this.look, centre: plus(this.look.centre, scaled(camera.shift(dx, dy), -1)) }
  }

  /** Moves the image if the crosshair is outside of a pane; whether it was. */
  uncover(panes: readonly Pane[]): boolean {
    const hidden = panes.some((pane) => {
      const camera = this.cameraOf(pane)
      if (camera === null) return false
      const { x, y } = camera.toPixel(this.look.point)
      return x < 0 || y < 0 || x > camera.size.width || y > camera.size.height
    })
    if (hidden) this.look = { ...this.look, centre: this.look.point }
    return hidden
  }

  // points of the world

  toScene(world: Point): Point {
    const { space, grid } = this.scan!
    return space.toScene(toVoxel(grid.affine, world))
  }

  worldOfPixel(row: number, column: number): Point | null {
    if (this.scan === null) return null
    const { affine, dims } = this.scan.grid
    return toWorld(affine, [column, dims[1] - 1 - row, 0])
  }

  /** Where a point is drawn in the panes whose slice contains it. */
  project(scene: Point, panes: readonly Pane[]): ScreenPoint[] {
    const { space } = this.scan!
    return panes.flatMap((pane): ScreenPoint[] => {
      const camera = this.cameraOf(pane)
      if (camera === null) return []
      const thickness = space.spacing[camera.plane.axis] * space.step[camera.plane.axis]
      if (camera.distance(scene) > thickness * 0.501) return []
      const box = pane.element.getBoundingClientRect()
      const { x, y } = camera.toPixel(scene)
      return [{ plane: planeOf(pane), x: box.left + x, y: box.top + y }]
    })
  }
}

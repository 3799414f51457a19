/** How the reader moves: the crosshair, the slices and the zoom, by keys and by gestures. */

import type { Point } from '../schemas'
import type { Camera } from './camera'
import { toVoxel } from './geometry'
import type { Gestures } from './gestures'
import type { Layout } from './layout'
import { type Pane, planeOf } from './pane'
import type { Gaze, Plane, View } from './port'
import type { ShownMask } from './shown_mask'
import type { Sight } from './sight'
import type { SlicePanes } from './slice_panes'
import type { VolumeView } from './volume_view'

export interface MoveEvents {
  /** The crosshair is at another point. */
  moved: () => void
  /** The panes show another part of the slices. */
  shifted: () => void
  window: (dx: number, dy: number) => void
  /** A double click asks for a view. */
  view: (view: View) => void
}

export class Moves {
  constructor(
    private readonly sight: Sight,
    private readonly layout: Layout,
    private readonly panes: SlicePanes,
    private readonly volume: VolumeView,
    private readonly mask: ShownMask,
    private readonly events: MoveEvents,
  ) {}

  // the crosshair

  pointAt(voxel: Point): void {
    this.sight.pointAt(voxel)
    this.events.moved()
  }

  jump(world: Point, value?: number): void {
    const { scan } = this.sight
    if (scan === null) return
    const voxel = toVoxel(scan.grid.affine, world)
    const { drawn } = this.mask
    this.pointAt(value === undefined || drawn === null ? voxel : drawn.nearest(value, voxel))
    this.uncover()
  }

  step(right: number, down: number): void {
    const camera = this.panes.cameraOf(this.layout.active)
    if (camera !== null) this.pointAt(this.sight.stepped(camera, right, down))
    this.uncover()
  }

  scroll(slices: number): void {
    if (this.sight.scan?.flat !== false) return
    this.pointAt(this.sight.scrolled(this.layout.active, slices))
  }

  follow({ active, ...look }: Gaze): void {
    if (this.sight.scan === null) return
    this.sight.follow(look)
    this.layout.activate(active)
    this.events.moved()
  }

  private uncover(): void {
    if (this.sight.uncover(this.panes.all)) this.events.shifted()
  }

  // the part of the slices that is shown

  rotate(right: number, down: number): boolean {
    const alone = this.layout.view === 'volume' && this.sight.scan?.flat === false
    if (alone) this.volume.rotate(right, down)
    return alone
  }

  zoom(factor: number): void {
    if (this.layout.view === 'volume') this.volume.zoom(factor)
    else this.zoomAround(factor, this.sight.look.point)
  }

  resetZoom(): void {
    if (this.sight.scan !== null) {
      this.sight.fit()
      this.events.shifted()
    }
    this.volume.reset()
  }

  private zoomAround(factor: number, fixed: Point): void {
    if (this.sight.scan === null) return
    this.sight.zoom(factor, fixed)
    this.events.shifted()
  }

  private move(pane: Pane, dx: number, dy: number): void {
    const camera = this.sight.cameraOf(pane)
    if (camera === null) return
    this.sight.move(camera, dx, dy)
    this.events.shifted()
  }

  // gestures

  get gestures(): Gestures {
    return {
      point: (pane, at) => {
        const camera = this.used(pane)
        if (camera !== null) this.pointAt(this.sight.scan!.space.toVoxel(camera.toScene(at)))
      },
      move: (pane, dx, dy) => this.move(pane, dx, dy),
      window: this.events.window,
      scroll: (pane, slices) => {
        this.used(pane)
        this.scroll(slices)
      },
      zoom: (pane, factor, at) => {
        const camera = this.used(pane)
        if (camera !== null) this.zoomAround(factor, camera.toScene(at))
      },
      maximise: (pane) => {
        if (this.sight.scan?.flat === false) this.maximise(planeOf(pane))
      },
      flat: () => this.sight.scan?.flat ?? true,
    }
  }

  /** Shows a pane alone, or again what was shown before. */
  maximise(pane: Plane | 'volume'): void {
    this.events.view(this.layout.after(pane))
  }

  private used(pane: Pane): Camera | null {
    const camera = this.sight.cameraOf(pane)
    if (camera !== null) this.layout.activate(planeOf(pane))
    return camera
  }
}

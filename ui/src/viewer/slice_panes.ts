/** The panes of planes, and the one of an image: what the library draws, and what lies over it. */

import { Enums, type RenderingEngine } from '@cornerstonejs/core'
import type { Camera } from './camera'
import { drawingSurfaceOf } from './drawing_surface'
import { PLANES, plus } from './geometry'
import { Pane, planeOf } from './pane'
import type { DrawingSurface, Plane } from './port'
import type { Scan } from './scan'
import type { Sight } from './sight'
import { enableSlices, type SliceViewport, slicesOf } from './slice_viewports'
import { type Window, windowText } from './voi'

const DISTANCE = 1000 // mm from the slice to the camera; a parallel projection does not depend on it

export class SlicePanes {
  readonly all: readonly Pane[]

  /** `name` sets the viewports of a viewer apart. */
  constructor(
    private readonly engine: RenderingEngine,
    private readonly sight: Sight,
    name: string,
  ) {
    this.all = [...PLANES, 'image' as const].map((plane) => new Pane(plane, name))
    // To a pane that changed its size before, the library gives another zoom with the mask.
    for (const pane of this.all) {
      pane.element.addEventListener(Enums.Events.ACTORS_CHANGED, () => this.aim(pane))
    }
  }

  /** Of the panes of the scan on screen. */
  get viewportIds(): string[] {
    return this.of(this.sight.scan?.flat ?? false).map(({ id }) => id)
  }

  get viewports(): SliceViewport[] {
    return slicesOf(this.engine, this.all)
  }

  enable(scan: Scan): void {
    enableSlices(this.engine, this.of(scan.flat), scan)
  }

  private of(flat: boolean): Pane[] {
    return this.all.filter((pane) => (pane.plane === 'image') === flat)
  }

  /** Shows the panes of these names only. */
  arrange(names: readonly string[]): void {
    for (const pane of this.all) pane.root.hidden = !names.includes(pane.plane)
  }

  /** The camera of the pane of a plane; null if it is not on screen. */
  cameraOf(plane: Plane): Camera | null {
    const pane = this.all.find((one) => one.visible && planeOf(one) === plane)
    return pane === undefined ? null : this.sight.cameraOf(pane)
  }

  get drawingSurfaces(): DrawingSurface[] {
    return this.all.flatMap((pane) => {
      const camera = this.sight.cameraOf(pane)
      if (camera === null) return []
      return [drawingSurfaceOf(pane, camera, this.sight.scan!, this.sight.voxel)]
    })
  }

  /** `window`: the grey values, as they are written in a corner. */
  draw(window: Window | null): void {
    const visible: string[] = []
    for (const pane of this.all) {
      const camera = this.aim(pane)
      if (camera === null) continue
      this.overlay(pane, camera, window)
      visible.push(pane.id)
    }
    this.engine.renderViewports(visible)
  }

  /** Gives the library's camera the place of the pane's, which it returns; null if none is drawn. */
  private aim(pane: Pane): Camera | null {
    const camera = this.sight.cameraOf(pane)
    const viewport = this.engine.getViewport(pane.id)
    if (camera === null || viewport === undefined) return null
    const { focus, plane } = camera
    viewport.setCamera({
      focalPoint: focus,
      position: plus(focus, plane.normal, DISTANCE),
      parallelScale: camera.halfHeight,
    })
    return camera
  }

  private overlay(pane: Pane, camera: Camera, window: Window | null): void {
    const { flat, opening, unsized } = this.sight.scan!
    const { number, count } = this.sight.slice(camera.plane)
    const corners = {
      ...opening.facts,
      slice: flat ? '' : `${planeOf(pane)}  ${number} / ${count}`,
      window: window === null ? '' : windowText(window),
      zoom: `zoom ${Math.round(this.sight.look.zoom * 100)} %`,
    }
    pane.overlay(camera, this.sight.point, corners, !unsized)
  }
}

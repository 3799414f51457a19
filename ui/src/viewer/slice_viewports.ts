/** The library's viewports that show slices or an image; there may be one for 3D, too. */

import { Enums, type RenderingEngine, type Types } from '@cornerstonejs/core'
import { type Pane, planeOf } from './pane'
import type { Scan } from './scan'

export type SliceViewport = Types.IStackViewport | Types.IVolumeViewport

/** Replaces all viewports by those of the panes of a scan. */
export function enableSlices(engine: RenderingEngine, panes: Pane[], { flat, space }: Scan): void {
  const type = flat ? Enums.ViewportType.STACK : Enums.ViewportType.ORTHOGRAPHIC
  engine.setViewports(
    panes.map((pane) => {
      const { normal, up } = space.planes[planeOf(pane)]!
      return {
        viewportId: pane.plane,
        type,
        element: pane.element as HTMLDivElement,
        defaultOptions: flat ? {} : { orientation: { viewPlaneNormal: normal, viewUp: up } },
      }
    }),
  )
}

export function slicesOf(engine: RenderingEngine): SliceViewport[] {
  const all = engine.getViewports()
  return all.filter(({ type }) => type !== Enums.ViewportType.VOLUME_3D) as SliceViewport[]
}

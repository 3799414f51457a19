/** The library's viewports that show slices or an image; there may be one for 3D, too. */

import { Enums, type RenderingEngine, type Types } from '@cornerstonejs/core'
import { type Pane, planeOf } from './pane'
import type { Scan } from './scan'

export type SliceViewport = Types.IStackViewport | Types.IVolumeViewport

/** Adds the viewports of the panes of a scan. */
export function enableSlices(engine: RenderingEngine, panes: Pane[], { flat, space }: Scan): void {
  const type = flat ? Enums.ViewportType.STACK : Enums.ViewportType.ORTHOGRAPHIC
  for (const pane of panes) {
    const { normal, up } = space.planes[planeOf(pane)]!
    engine.enableElement({
      viewportId: pane.id,
      type,
      element: pane.element as HTMLDivElement,
      defaultOptions: flat ? {} : { orientation: { viewPlaneNormal: normal, viewUp: up } },
    })
  }
}

/** Those of these panes that are enabled. */
export function slicesOf(engine: RenderingEngine, panes: readonly Pane[]): SliceViewport[] {
  const all = panes.map((pane) => engine.getViewport(pane.id) as SliceViewport | undefined)
  return all.filter((one) => one !== undefined)
}

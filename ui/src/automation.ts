/** `window.tessera`: the interface for scripts and tests (docs/reference/review-page.md). */

import type { Point } from './schemas'
import type { ScreenPoint, SurfaceBox } from './viewer/port'
import type { JobView } from './views/job'

export interface Automation {
  /** The id of the job on screen, and whether its scan and its mask are drawn. */
  shown: () => { job: string | null; scan: boolean; mask: boolean }
  /** Moves the crosshair to a point in RAS+ mm. */
  jump: (world: Point) => void
  /**
   * Where a point in RAS+ mm is drawn, in each plane and in 3D: CSS pixels from the window's upper
   * left.
   */
  project: (world: Point) => ScreenPoint[]
  /** The boxes around the surfaces in 3D, in RAS+ mm. */
  surfaces: () => SurfaceBox[]
  /** The pixel (row, column) of an image in RAS+ mm. */
  worldOfPixel: (row: number, column: number) => Point | null
}

declare global {
  interface Window {
    tessera: Automation
  }
}

export function install(view: JobView): void {
  window.tessera = {
    shown: () => {
      const { scan, mask } = view.stage.root.dataset
      return { job: view.job?.id ?? null, scan: scan === 'shown', mask: mask === 'shown' }
    },
    jump: (world) => view.stage.jump(world),
    project: (world) => view.stage.viewer?.project(world) ?? [],
    surfaces: () => view.stage.viewer?.surfaces ?? [],
    worldOfPixel: (row, column) => view.stage.viewer?.worldOfPixel(row, column) ?? null,
  }
}

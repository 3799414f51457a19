/** `window.tessera`: what scripts and tests may ask of the page. Documented in docs/reference/review-page.md. */

import type { Spot } from './viewer/viewer'
import type { Point } from './wire'
import type { JobView } from './views/job'

export interface Automation {
  /** What is drawn: the job's id, whether its scan is, and whether its mask lies over it. */
  shown: () => { job: string | null; scan: boolean; mask: boolean }
  /** Moves the crosshair to a point in RAS+ mm. */
  jump: (world: Point) => void
  /** Where a point in RAS+ mm is drawn: CSS pixels from the window's upper left, per plane. */
  project: (world: Point) => Spot[]
  /** RAS+ mm of the pixel (row, column) of a picture. */
  worldOfPixel: (row: number, column: number) => Point | null
}

declare global {
  interface Window {
    tessera: Automation
  }
}

export function offer(view: JobView): void {
  window.tessera = {
    shown: () => {
      const { scan, mask } = view.stage.root.dataset
      return { job: view.job?.id ?? null, scan: scan === 'shown', mask: mask === 'shown' }
    },
    jump: (world) => view.stage.jump(world),
    project: (world) => view.stage.viewer?.project(world) ?? [],
    worldOfPixel: (row, column) => view.stage.viewer?.worldOfPixel(row, column) ?? null,
  }
}

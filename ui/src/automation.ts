/** `window.tessera`: the interface for scripts and tests (docs/reference/review-page.md). */

import type { CompareView } from './compare/compare_view'
import type { Point } from './schemas'
import type { Controls, ScreenPoint, SurfaceBox } from './viewer/port'
import type { JobView } from './views/job'

export interface Automation {
  /** The id of the job on screen, and whether its scan and its mask are drawn. */
  shown: () => { job: string | null; scan: boolean; mask: boolean }
  /** Whether a comparison is on screen, complete, and what is drawn of A and of B. */
  compared: () => { complete: boolean; scans: boolean[]; masks: boolean[] }
  /** Moves the crosshair to a point in RAS+ mm; of a comparison, in the image that is used. */
  jump: (world: Point) => void
  /**
   * Where a point in RAS+ mm is drawn, in each plane and in 3D: CSS pixels from the window's upper
   * left. `image`: 0 for A and 1 for B, in a comparison.
   */
  project: (world: Point, image?: 0 | 1) => ScreenPoint[]
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

export function install(view: JobView, comparison: CompareView): void {
  const viewer = (image?: 0 | 1): Controls | null => {
    if (comparison.root.hidden) return view.stage.viewer
    return image === undefined ? comparison.viewer : comparison.sides[image].viewer
  }
  window.tessera = {
    compared: () => ({
      complete: !comparison.root.hidden && comparison.root.dataset.state === 'shown',
      scans: comparison.sides.map(({ root }) => root.dataset.scan === 'shown'),
      masks: comparison.sides.map(({ root }) => root.dataset.mask === 'shown'),
    }),
    shown: () => {
      const { scan, mask } = view.stage.root.dataset
      return { job: view.job?.id ?? null, scan: scan === 'shown', mask: mask === 'shown' }
    },
    jump: (world) => viewer()?.jump(world),
    project: (world, image) => viewer(image)?.project(world) ?? [],
    surfaces: () => view.stage.viewer?.surfaces ?? [],
    worldOfPixel: (row, column) => view.stage.viewer?.worldOfPixel(row, column) ?? null,
  }
}

/** The cuts of the 3D pane: chosen in its controls, or taken along by the crosshair. */

import type { Point } from '../schemas'
import { type Cut, type Half, halvesOf, noCuts, shareAt } from './clip'
import { PLANES } from './geometry'
import type { Plane } from './port'
import type { Space } from './space'
import type { VolumePane } from './volume_pane'

export class VolumeCuts {
  private cuts = noCuts()
  /** Whether cuts go through the crosshair. */
  private follow = true
  private space: Space | null = null
  private crosshair: Point = [0, 0, 0]

  constructor(private readonly pane: () => VolumePane) {}

  /** None, for another scan or for no scan. An image, which has a single plane, is never cut. */
  reset(space: Space | null): void {
    const solid = space !== null && PLANES.every((plane) => space.planes[plane] !== undefined)
    this.space = solid ? space : null
    this.cuts = noCuts()
    this.update()
  }

  change(plane: Plane, change: Partial<Cut>): void {
    if (change.share !== undefined) this.follow = false
    this.cuts = { ...this.cuts, [plane]: { ...this.cuts[plane], ...change } }
    this.update()
  }

  setFollow(follow: boolean): void {
    this.follow = follow
    this.update()
  }

  /** The crosshair is at a point of the scene. */
  pointAt(crosshair: Point): void {
    this.crosshair = crosshair
    if (this.follow) this.update()
  }

  /** What the cuts leave. */
  get halves(): Half[] {
    return this.space === null ? [] : halvesOf(this.cuts, this.space)
  }

  private update(): void {
    if (this.follow && this.space !== null) {
      for (const plane of PLANES) {
        this.cuts[plane].share = shareAt(this.space, plane, this.crosshair)
      }
    }
    this.pane().showCuts(this.cuts, this.follow)
  }
}

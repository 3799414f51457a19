/** Brings the scan and the masks of a job to the stage. */

import * as api from '../api'
import { reader } from '../reader'
import type { Job, Scan } from '../schemas'
import { MAX_VOXELS, voxels } from '../text'
import { cut, inTiles } from '../tiles'
import type { Legend } from '../viewer/legend'
import type { Controls, Viewer } from '../viewer/port'
import type { Stage } from './stage'

/** Each call is for a job; when the page shows another one, its signal is aborted. */
export class JobImage {
  /** The review whose corrected mask is drawn; null: the job's own mask. */
  review: string | null = null

  constructor(private readonly stage: Stage) {}

  /** Draws the scan; false if the page cannot draw it. */
  async load(scan: Scan, signal: AbortSignal): Promise<boolean> {
    if (inTiles(scan)) return this.loadTiles(scan, signal)
    const viewer = await this.viewerFor(scan)
    if (signal.aborted) return false
    if (viewer === null) {
      this.stage.message(
        'The scan cannot be drawn here. A preview of the mask is shown as soon as the mask is ready.',
      )
      return false
    }
    const file = await api.bytes(`scans/${scan.id}/volume`, signal, (count) => {
      if (!signal.aborted) this.stage.message(`Loading the scan: ${Math.ceil(count / 1e6)} MB …`)
    })
    if (signal.aborted) return false
    await this.stage.showScan(viewer, file, scan)
    if (!signal.aborted) this.stage.message(null)
    return !signal.aborted
  }

  private async loadTiles(scan: Scan, signal: AbortSignal): Promise<boolean> {
    const [viewer, image] = await Promise.all([
      this.stage.readyForTiles(),
      cut(`scans/${scan.id}/tiles`, signal, (fraction) => {
        this.stage.message(`Preparing the image: ${Math.round(100 * fraction)} % …`)
      }),
    ])
    if (signal.aborted) return false
    this.stage.showTiles(viewer, image)
    this.stage.message(null)
    return true
  }

  /** Null if the browser cannot draw, or if the scan is too large for its memory. */
  private async viewerFor(scan: Scan): Promise<Viewer | null> {
    if (voxels(scan) <= MAX_VOXELS) return this.stage.ready()
    this.stage.viewer = null
    return null
  }

  /**
   * Draws the mask that a reader corrected in `review`; null: the job's own mask, which is always
   * drawn of an image in tiles. The viewer that shows it, null if the page cannot draw it.
   */
  async showMask(
    job: Job,
    scan: Scan | null,
    legend: Legend,
    review: string | null,
    signal: AbortSignal,
  ): Promise<Controls | null> {
    if (scan !== null && inTiles(scan)) {
      const labels = await cut(`jobs/${job.id}/mask/tiles`, signal, () => {})
      const viewer = await this.stage.readyForTiles()
      if (!signal.aborted) this.stage.showMaskTiles(viewer, labels, legend)
      return viewer
    }
    if (this.stage.viewer === null) return null
    const viewer = await this.stage.ready()
    const file = await api.bytes(api.maskPath({ job: job.id, review }, reader.name), signal)
    if (viewer === null || signal.aborted) return viewer
    await this.stage.showMask(viewer, file, legend)
    this.review = review
    return viewer
  }

  /** Draws the mask that a reader corrected, or the job's own one; false if that is impossible. */
  async showReaderMask(
    job: Job,
    scan: Scan,
    legend: Legend,
    review: string | null,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (inTiles(scan)) return false
    const viewer = await this.showMask(job, scan, legend, review, signal)
    return viewer !== null && !signal.aborted
  }
}

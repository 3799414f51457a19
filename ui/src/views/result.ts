/** The result of a finished job: the mask that is drawn, and its sizes. */

import * as api from '../api'
import { reader } from '../reader'
import type { Download, Job, Measurement, Model, Report, Review, Scan } from '../schemas'
import { Legend, modelOfReport } from '../viewer/legend'
import type { Controls } from '../viewer/port'
import { Findings } from './findings'
import { JobImage } from './job_image'
import { MaskVersion, ownText } from './mask_version'
import type { Stage } from './stage'

/** What a result needs of the page around it. */
export interface ResultPage {
  /** The newest corrected mask that the reader may see; null without one. */
  newest: () => Promise<Review | null>
  jump: (measured: Measurement) => void
}

/** What is known of a finished job. */
interface Known {
  job: Job
  scan: Scan
  legend: Legend
  /** About the job's own mask. */
  report: Report
  files: Download[]
  signal: AbortSignal
}

export class ResultView {
  readonly findings: Findings
  readonly image: JobImage
  private readonly version = new MaskVersion((review) => void this.choose(review))
  private known: Known | null = null

  constructor(
    private readonly stage: Stage,
    private readonly page: ResultPage,
  ) {
    this.image = new JobImage(stage)
    const recolour = (): void => stage.viewer?.recolour()
    this.findings = new Findings({ jump: page.jump, recolour }, this.version)
  }

  get legend(): Legend | null {
    return this.known?.legend ?? null
  }

  clear(): void {
    this.known = null
    this.image.review = null
    this.findings.clear()
    this.version.clear()
  }

  /**
   * Draws the mask that stands: the corrected one if that is the verdict. `viewer`: what shows it,
   * null if the page cannot draw it.
   */
  async load(
    job: Job,
    scan: Scan,
    model: Model | undefined,
    signal: AbortSignal,
  ): Promise<{ report: Report; files: Download[]; viewer: Controls | null }> {
    return this.announced(job, job.verdict === 'corrected', signal, async () => {
      const [report, files, newest] = await Promise.all([
        api.report(job.id),
        api.downloads(job.id),
        job.verdict === 'corrected' ? this.page.newest() : null,
      ])
      const legend = new Legend(model ?? modelOfReport(job, report))
      const known = { job, scan, legend, report, files, signal }
      if (!signal.aborted) this.known = known
      const viewer = await this.image.showMask(job, scan, legend, newest?.id ?? null, signal)
      return { report, files, viewer }
    })
  }

  /** Says which mask is being loaded, and which one is on screen until then. */
  private async announced<T>(
    job: Job,
    corrected: boolean,
    signal: AbortSignal,
    load: () => Promise<T>,
  ): Promise<T> {
    const drawn = this.image.review === null ? ownText(job) : 'the corrected mask'
    const wanted = corrected ? 'the corrected mask' : ownText(job)
    const until = this.stage.hasMask ? ` On screen until then: ${drawn}.` : ''
    this.stage.announce(`Loading ${wanted} …${until}`)
    try {
      return await load()
    } finally {
      if (!signal.aborted) this.stage.announce('')
    }
  }

  /** Draws the mask that a reader corrected, or the job's own one; false if that is impossible. */
  async draw(review: string | null): Promise<boolean> {
    if (this.known === null) return false
    const { job, scan, legend, signal } = this.known
    return this.announced(job, review !== null, signal, () =>
      this.image.showReaderMask(job, scan, legend, review, signal),
    )
  }

  /** Shows the sizes of the mask on screen; the gateway measures those of a corrected one. */
  async showSizes(): Promise<void> {
    const { known, image } = this
    if (known === null) return
    const { job, legend, report, files, signal } = known
    const { review } = image
    const isOld = (): boolean => signal.aborted || image.review !== review
    const newest = await this.page.newest()
    if (isOld()) return
    const drawn = newest !== null && newest.id === review
    const can = this.stage.planar !== null
    this.version.show(newest, { drawn, can }, files, reader.name)
    this.findings.show(report, legend, files, review === null ? report.measurements : null)
    if (review === null) return
    const { measurements } = await api.readerReport(job.id, review, reader.name)
    if (!isOld()) this.findings.show(report, legend, files, measurements)
  }

  /** The correction on screen is being saved: what is known is about an earlier mask. */
  showSaving(): void {
    if (this.known === null) return
    const { report, legend, files } = this.known
    this.version.saving()
    this.findings.show(report, legend, files, null)
  }

  private async choose(review: Review | null): Promise<void> {
    try {
      if (await this.draw(review?.id ?? null)) await this.showSizes()
    } catch (error) {
      this.version.fail(api.problemOf(error).detail)
    }
  }
}

/** One job: its scan, its mask and measurements once they exist, and its review. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import { go } from '../route'
import type { Doubt, Job, Measurement, Model, Point, Problem, Report, Scan } from '../schemas'
import { MAX_VOXELS, NO_WEBGL, originText, TOO_LARGE, unusualText, voxels } from '../text'
import { cut, inTiles } from '../tiles'
import { Legend, modelOfReport } from '../viewer/legend'
import type { Controls, Viewer } from '../viewer/port'
import type { Worklist } from '../worklist'
import { Banner } from './banner'
import { CorrectionView, type SavedDraft } from './correction'
import { Deliveries } from './deliveries'
import { DoubtsBar } from './doubts'
import { Findings } from './findings'
import { JobHead } from './job_head'
import { MeasurementsView } from './measurements'
import { warningBox } from './messages'
import { scanFacts } from './scan_facts'
import { Stage } from './stage'
import type { UndoBar } from './undo'
import { VerdictView } from './verdict'

const NOT_FOUND: Problem = {
  title: 'Not found',
  status: 404,
  detail:
    'The job or its scan does not exist. It may have been deleted, or the link is for another installation of Tessera.',
  expected: '',
  hint: 'Choose a job from the worklist, or start a new segmentation.',
}

export class JobView {
  readonly root: HTMLElement
  readonly measurements = new MeasurementsView()
  readonly stage = new Stage(this.measurements.tools, () => {
    this.measurements.measuring.redraw()
    this.correction.correcting.redraw()
  })
  readonly correction = new CorrectionView(this.stage.screen, {
    viewer: () => this.stage.planar,
    tiled: () => this.stage.viewer !== null && this.stage.planar === null,
    ready: () => this.verdict.ready,
    drawn: () => this.drawnReview,
    draw: (review) => this.showReaderMask(review),
    newest: () => this.verdict.newestCorrection(),
    save: (draft) => this.saveDraft(draft),
    mode: (on) => this.setCorrecting(on),
    focus: () => this.stage.screen.focus(),
  })
  /** Finds the job that is judged after this one. */
  readonly verdict: VerdictView
  /** Known models, for labels and colours. */
  models: Model[] = []
  private id: string | null = null
  private scan: Scan | null = null
  private opened = new AbortController()
  private scanShown: string | null = null
  private resultShown: string | null = null
  private legend: Legend | null = null
  /** The review whose corrected mask is drawn; null: the job's own mask. */
  private drawnReview: string | null = null
  private readonly findings: Findings
  private readonly head: JobHead
  private readonly banner = new Banner((job) => {
    this.resultShown = null
    if (job === null) void this.worklist.refresh()
    else this.worklist.update(job)
  })
  private readonly doubts = new DoubtsBar()
  private readonly warnings = element('div.warnings')
  private warningTexts: string[] = []
  private readonly facts = element('div.scan')
  private readonly use = element('p.use')
  private readonly deliveries = new Deliveries()

  constructor(
    private readonly worklist: Worklist,
    undo: UndoBar,
    onAgain: (scan: Scan) => void,
    onDelete: (scan: Scan) => void,
    onAssign: (job: Job) => void,
  ) {
    this.head = new JobHead(onAgain, onDelete, onAssign)
    this.verdict = new VerdictView(
      worklist,
      this.measurements,
      () => this.doubts.confirmed(),
      (review) => this.showReaderMask(review),
      undo,
      this.correction,
    )
    this.stage.addTools(this.correction.toolbar.root)
    this.findings = new Findings({
      jump: (measured) => this.jump(measured),
      recolour: () => this.stage.viewer?.recolour(),
    })
    this.root = element(
      'section.jobview',
      { 'aria-label': 'Job' },
      this.head.root,
      element(
        'div.middle',
        {},
        this.banner.root,
        this.doubts.root,
        this.doubts.note,
        this.stage.root,
      ),
      element(
        'aside.panel',
        { 'aria-label': 'Review and measurements' },
        this.verdict.root,
        this.correction.panel.root,
        element(
          'div.findings-scroll',
          {},
          this.warnings,
          this.measurements.root,
          this.findings.root,
          this.deliveries.root,
          this.facts,
          this.use,
        ),
      ),
    )
    worklist.onChange(() => this.update())
    setInterval(() => this.update(), 1000) // the estimate counts down
  }

  /** The job on screen, if it is known. */
  get job(): Job | undefined {
    return this.id === null ? undefined : this.worklist.get(this.id)
  }

  close(): void {
    this.opened.abort()
    this.correction.close()
    this.deliveries.clear()
    this.measurements.close()
    this.stage.blank('') // frees the memory of its scan
    this.verdict.show(null)
    this.id = null
  }

  async open(id: string): Promise<void> {
    if (this.id === id) return
    this.close()
    this.reset(id)
    const { signal } = this.opened
    try {
      if (this.job === undefined) this.worklist.update(await api.job(id))
      if (signal.aborted) return
      const [scan, formats] = await Promise.all([
        api.scan(Object.values(this.job!.scans)[0]!),
        api.formats().catch(() => []),
      ])
      if (signal.aborted) return
      this.scan = scan
      const format = formats.find((one) => one.name === scan.format)?.title ?? scan.format
      fill(this.facts, scanFacts(scan, format, this.job!.state !== 'succeeded'))
      this.update()
      await this.loadScan(scan, signal)
      if (signal.aborted) return
      this.scanShown = scan.id
      this.update()
    } catch (error) {
      if (!signal.aborted) this.showProblem(api.problemOf(error))
    }
  }

  /** The centre of a label or object, in the world coordinates of the drawn scan. */
  centreOf(measured: Measurement): Point | null {
    if (measured.centroid_mm) return measured.centroid_mm as Point
    const at = measured.centroid_voxel
    const viewer = this.stage.viewer
    if (at?.length !== 2 || viewer === null) return null
    return viewer.worldOfPixel(at[0]!, at[1]!)
  }

  private reset(id: string): void {
    this.opened = new AbortController()
    this.id = id
    this.scan = null
    this.scanShown = null
    this.resultShown = null
    this.legend = null
    this.findings.clear()
    this.verdict.show(null)
    this.doubts.show([])
    this.warningTexts = []
    delete this.warnings.dataset.seen
    fill(this.warnings)
    fill(this.facts)
    fill(this.use)
    this.head.clear()
    this.banner.clear()
    this.stage.blank('Loading the scan …')
  }

  private async loadScan(scan: Scan, signal: AbortSignal): Promise<void> {
    if (inTiles(scan)) return this.loadTiles(scan, signal)
    const viewer = await this.viewerFor(scan)
    if (signal.aborted) return
    if (viewer === null) {
      this.stage.message(
        'The scan cannot be drawn here. A preview of the mask is shown as soon as the mask is ready.',
      )
      return
    }
    const file = await api.bytes(`scans/${scan.id}/volume`, signal, (count) => {
      if (!signal.aborted) this.stage.message(`Loading the scan: ${Math.ceil(count / 1e6)} MB …`)
    })
    if (signal.aborted) return
    await this.stage.showScan(viewer, file, scan)
    if (!signal.aborted) this.shown(scan)
  }

  private async loadTiles(scan: Scan, signal: AbortSignal): Promise<void> {
    const [viewer, image] = await Promise.all([
      this.stage.readyForTiles(),
      cut(`scans/${scan.id}/tiles`, signal, (fraction) => {
        this.stage.message(`Preparing the image: ${Math.round(100 * fraction)} % …`)
      }),
    ])
    if (signal.aborted) return
    this.stage.showTiles(viewer, image)
    this.shown(scan)
  }

  private shown(scan: Scan): void {
    this.stage.message(null)
    if (this.id !== null) this.measurements.open(this.id, scan, this.stage.viewer)
  }

  /** Null if the browser cannot draw, or if the scan is too large for its memory. */
  private async viewerFor(scan: Scan): Promise<Viewer | null> {
    if (voxels(scan) <= MAX_VOXELS) return this.stage.ready()
    this.stage.viewer = null
    return null
  }

  /** Draws the mask; the viewer that shows it, null if the page cannot draw it. */
  private async drawMask(job: Job, legend: Legend, signal: AbortSignal): Promise<Controls | null> {
    if (this.scan !== null && inTiles(this.scan)) {
      const labels = await cut(`jobs/${job.id}/mask/tiles`, signal, () => {})
      const viewer = await this.stage.readyForTiles()
      if (!signal.aborted) this.stage.showMaskTiles(viewer, labels, legend)
      return viewer
    }
    if (this.stage.viewer === null) return null
    const viewer = await this.stage.ready()
    const file = await api.bytes(`jobs/${job.id}/mask?format=nifti`, signal)
    if (viewer !== null && !signal.aborted) await this.stage.showMask(viewer, file, legend)
    this.drawnReview = null
    return viewer
  }

  /** Draws the mask that a reader corrected, or the model's own one; false if that is impossible. */
  private async showReaderMask(review: string | null): Promise<boolean> {
    const { job, legend } = this
    const { signal } = this.opened
    if (job === undefined || legend === null || this.scan === null || inTiles(this.scan))
      return false
    const viewer = this.stage.viewer === null ? null : await this.stage.ready()
    if (viewer === null || signal.aborted) return false
    const own = `jobs/${job.id}/mask?format=nifti`
    const path = review === null ? own : api.readerMask(job.id, review, reader.name)
    const file = await api.bytes(path, signal)
    if (signal.aborted) return false
    await this.stage.showMask(viewer, file, legend)
    this.drawnReview = review
    return true
  }

  private async saveDraft(draft: SavedDraft): Promise<boolean> {
    const { id } = this
    const saved = await this.verdict.saveDraft(draft)
    if (saved && this.id === id) this.drawnReview = draft.draft ?? null // it becomes the review
    if (saved && id !== null) void this.offerCorrected(id).catch(() => {}) // when it is opened again
    return saved
  }

  /** Links to the files of the newest corrected mask. */
  private async offerCorrected(job: string): Promise<void> {
    const [files, id] = await Promise.all([api.downloads(job), this.verdict.newestCorrection()])
    if (this.id !== job) return
    this.findings.showCorrected(files, id === null ? null : { job, id }, reader.name)
  }

  /** While a mask is corrected, its review and its sizes before are not shown. */
  private setCorrecting(on: boolean): void {
    this.measurements.measuring.putDown()
    this.root.classList.toggle('correcting', on)
  }

  /** Updates the page to the job's current state. */
  private update(): void {
    const job = this.job
    if (job === undefined) return
    this.renderHead(job)
    this.banner.show(job)
    this.verdict.show(job)
    if (!job.uploaded) this.use.textContent = this.modelOf(job)?.intended_use ?? ''
    const result = `${job.id} ${job.finished_at}`
    if (this.resultShown === result) this.showWarnings(job)
    if (job.state !== 'succeeded' || this.scanShown === null || this.resultShown === result) return
    this.resultShown = result
    void this.loadResult(job, this.opened.signal)
  }

  private async loadResult(job: Job, signal: AbortSignal): Promise<void> {
    try {
      const [report, downloads] = await Promise.all([api.report(job.id), api.downloads(job.id)])
      if (signal.aborted) return
      const legend = new Legend(this.modelOf(job) ?? modelOfReport(job, report))
      this.legend = legend
      const viewer = await this.drawMask(job, legend, signal)
      if (signal.aborted) return
      if (viewer === null) this.showStill(job)
      else if (viewer.untouched && !legend.instances) this.jump(largest(report))
      this.facts.querySelector('details')?.removeAttribute('open')
      if (report.uploaded !== undefined) this.use.textContent = originText(report.uploaded)
      this.findings.show(report, legend, downloads)
      this.measurements.reports = downloads.filter(({ kind }) => kind === 'report')
      if (this.scan?.format === 'dicom') void this.deliveries.show(job.id, downloads)
      const doubts = report.doubts ?? []
      this.doubts.show(doubts, report.uncompared)
      const texts = new Set([...(this.scan?.warnings ?? []), ...report.warnings])
      this.warningTexts = [...texts].filter((text) => !repeats(text, doubts))
      this.showWarnings(job)
      this.verdict.allow()
      await this.correction.offer(job)
      await this.offerCorrected(job.id)
    } catch (error) {
      if (!signal.aborted) this.showProblem(api.problemOf(error))
    }
  }

  /** The warnings of the report, and sizes that are unusual by now: others are accepted meanwhile. */
  private showWarnings(job: Job): void {
    const texts = [
      ...job.unusual_sizes.map((one) => `The ${unusualText(one)}.`),
      ...this.warningTexts,
    ]
    const seen = texts.join('\n')
    if (this.warnings.dataset.seen === seen) return
    this.warnings.dataset.seen = seen
    fill(this.warnings, warningBox(texts))
  }

  private showStill(job: Job): void {
    const large = this.scan !== null && voxels(this.scan) > MAX_VOXELS
    this.stage.still(api.address(`jobs/${job.id}/preview.png`), large ? TOO_LARGE : NO_WEBGL)
  }

  private showProblem(problem: Problem): void {
    if (problem.status === 404) this.stage.fail(NOT_FOUND)
    else this.stage.fail(problem, this.reopen())
  }

  private jump(measured: Measurement | undefined): void {
    const world = measured === undefined ? null : this.centreOf(measured)
    if (measured === undefined || world === null) return
    // The numbers in a mask of objects are theirs, not those of labels.
    this.stage.jump(world, this.legend?.instances === false ? measured.value : undefined)
  }

  private modelOf(job: Job): Model | undefined {
    return job.uploaded ? undefined : this.models.find((model) => model.name === job.model)
  }

  private renderHead(job: Job): void {
    this.head.show(job, this.scan, this.modelOf(job))
    if (this.scan !== null && job.state !== 'succeeded')
      fill(this.warnings, warningBox(this.scan.warnings))
  }

  private reopen(): HTMLButtonElement {
    return element(
      'button',
      {
        type: 'button',
        onclick: () => {
          const id = this.id
          this.close()
          if (id !== null) void this.open(id)
          else go({ page: 'start' })
        },
      },
      'Try again',
    )
  }
}

/** Whether a warning says no more than what stands over the image: it may join several doubts. */
function repeats(warning: string, doubts: Doubt[]): boolean {
  const said = warning.toLowerCase()
  return doubts.some((doubt) => said.includes(doubt.text.toLowerCase().replace(/\.$/, '')))
}

function largest(report: Report): Measurement | undefined {
  const size = (measured: Measurement): number => measured.voxels ?? 0
  return [...report.measurements.labels].sort((a, b) => size(b) - size(a))[0]
}

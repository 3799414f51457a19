/** One job: its scan, its mask and measurements once they exist, and its review. */

import * as api from '../api'
import { element, fill } from '../element'
import { go } from '../route'
import type { Job, Measurement, Model, Point, Problem, Report, Scan } from '../schemas'
import { MAX_VOXELS, NO_WEBGL, originText, TOO_LARGE, voxels } from '../text'
import type { Worklist } from '../worklist'
import { Banner } from './banner'
import { CorrectionView } from './correction'
import type { SavedDraft } from './correction_page'
import { Deliveries } from './deliveries'
import { DoubtsBar } from './doubts'
import { JobHead } from './job_head'
import { MeasurementsView } from './measurements'
import { ResultView } from './result'
import { scanFacts } from './scan_facts'
import { Stage } from './stage'
import type { UndoBar } from './undo'
import { VerdictView } from './verdict'
import { Warnings } from './warnings'

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
  private readonly result = new ResultView(this.stage, {
    newest: () => this.verdict.newestCorrection(),
    jump: (measured) => this.jump(measured),
  })
  readonly correction = new CorrectionView(this.stage.screen, {
    viewer: () => this.stage.planar,
    tiled: () => this.stage.viewer !== null && this.stage.planar === null,
    ready: () => this.verdict.ready,
    drawn: () => this.result.image.review,
    draw: (review) => this.result.draw(review),
    newest: async () => (await this.verdict.newestCorrection())?.id ?? null,
    review: (id) => this.verdict.review(id),
    save: (draft) => this.saveDraft(draft),
    drafted: (job, drafted) => this.worklist.noteDraft(job, drafted),
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
  /** Whether an image is grey, which its values show. */
  private grey = false
  private resultShown: string | null = null
  private readonly head: JobHead
  private readonly banner = new Banner((job) => {
    this.resultShown = null
    if (job === null) void this.worklist.refresh()
    else this.worklist.update(job)
  })
  private readonly doubts = new DoubtsBar()
  private readonly warnings = new Warnings()
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
      {
        draw: (review) => this.result.draw(review),
        drawn: () => this.result.image.review,
      },
      undo,
      this.correction.start,
    )
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
          this.warnings.root,
          this.measurements.root,
          this.result.findings.root,
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

  /** Returns when the scan's first image is on screen, or why there is none. */
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
      const showFacts = (): void => {
        fill(this.facts, scanFacts(scan, format, this.job?.state !== 'succeeded', this.grey))
      }
      showFacts()
      this.update()
      const shown = await this.result.image.load(scan, signal)
      if (signal.aborted) return
      if (shown) this.measurements.open(id, scan, this.stage.viewer)
      this.grey = shown && this.stage.planar?.window != null // colours have no window
      if (this.grey) showFacts()
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
    this.grey = false
    this.resultShown = null
    this.result.clear()
    this.verdict.show(null)
    this.doubts.show([])
    this.warnings.clear()
    fill(this.facts)
    fill(this.use)
    this.head.clear()
    this.banner.clear()
    this.stage.blank('Loading the scan …')
  }

  private async saveDraft(draft: SavedDraft): Promise<boolean> {
    const { id } = this
    this.result.showSaving()
    const saved = await this.verdict.saveDraft(draft)
    if (this.id !== id) return saved
    if (saved) this.result.image.review = draft.draft ?? null // it becomes the review
    void this.result.showSizes().catch(() => {}) // they are shown when it is opened again
    return saved
  }

  /** While a mask is corrected, its review and its sizes before are not shown. */
  private setCorrecting(on: boolean): void {
    this.measurements.measuring.putDown()
    this.measurements.tools.inert = on // it keeps its room, so that the image does not move
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
    if (this.resultShown === result) this.warnings.update(job)
    if (job.state !== 'succeeded' || this.scanShown === null || this.resultShown === result) return
    this.resultShown = result
    if (this.scan !== null) void this.loadResult(job, this.scan, this.opened.signal)
  }

  private async loadResult(job: Job, scan: Scan, signal: AbortSignal): Promise<void> {
    try {
      const { result } = this
      const { report, files, viewer } = await result.load(job, scan, this.modelOf(job), signal)
      if (signal.aborted) return
      if (viewer === null) this.showStill(job)
      else if (viewer.untouched && result.legend?.instances === false) this.jump(largest(report))
      this.facts.querySelector('details')?.removeAttribute('open')
      if (report.uploaded !== undefined) this.use.textContent = originText(report.uploaded)
      const sizes = result.showSizes()
      this.measurements.reports = files.filter(({ kind }) => kind === 'report')
      if (scan.format === 'dicom') void this.deliveries.show(job.id, files)
      const doubts = report.doubts ?? []
      this.doubts.show(doubts, report.uncompared)
      const warnings = [...scan.warnings, ...report.warnings]
      this.warnings.showOfReport(job, warnings, doubts)
      this.verdict.allow()
      await this.correction.offer(job)
      await sizes
    } catch (error) {
      if (!signal.aborted) this.showProblem(api.problemOf(error))
    }
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
    this.stage.jump(world, this.result.legend?.instances === false ? measured.value : undefined)
  }

  private modelOf(job: Job): Model | undefined {
    return job.uploaded ? undefined : this.models.find((model) => model.name === job.model)
  }

  private renderHead(job: Job): void {
    this.head.show(job, this.scan, this.modelOf(job), this.grey)
    if (this.scan !== null && job.state !== 'succeeded')
      this.warnings.showOfScan(this.scan.warnings)
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

function largest(report: Report): Measurement | undefined {
  const size = (measured: Measurement): number => measured.voxels ?? 0
  return [...report.measurements.labels].sort((a, b) => size(b) - size(a))[0]
}

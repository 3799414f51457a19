/** The form for a new segmentation: scans, models, priority, start. */

import * as api from '../api'
import { element, fill, swatch } from '../element'
import { type FileGroup, groupFiles, groupFolder, located } from '../file_groups'
import { randomId } from '../random_id'
import { reader } from '../reader'
import { go } from '../route'
import type { Job, Model, NewJob, Problem, Scan } from '../schemas'
import { countText, shapeText, titleText } from '../text'
import { type Upload, Uploads } from '../uploads'
import type { Worklist } from '../worklist'
import { ArchiveView } from './archive'
import { problemBox } from './messages'
import { ModelChoice } from './model_choice'
import { UnfinishedNote } from './unfinished'
import { fillRow } from './upload_row'

const PRIORITIES = [
  ['9', '9, highest'],
  ['8', '8'],
  ['7', '7, urgent'],
  ['6', '6'],
  ['5', '5, normal'],
  ['4', '4'],
  ['3', '3, low'],
  ['2', '2'],
  ['1', '1'],
  ['0', '0, lowest'],
] as const

export class StartView {
  readonly root: HTMLElement
  private readonly uploads = new Uploads(() => this.render())
  private readonly rows = new Map<Upload, HTMLLIElement>()
  private readonly list = element('ul.uploads')
  private readonly unfinished = new UnfinishedNote(() =>
    this.uploads.items.flatMap((item) => (item.id === null || item.scan !== null ? [] : [item.id])),
  )
  private readonly choices: Record<2 | 3, ModelChoice>
  private readonly models = element('div.models')
  private readonly earlier = element('div.earlier')
  private readonly supported = element('span')
  private readonly priority: HTMLSelectElement
  private readonly startButton: HTMLButtonElement
  private readonly hint = element('p.hint', { 'aria-live': 'polite' })
  private readonly problems = element('div.problems')
  private readonly archive = new ArchiveView((scan) => this.addKnown(scan))
  private catalogue: Model[] | null = null
  private starting = false
  /** A request that is sent again because its response was lost keeps its key, and is one job. */
  private readonly keys = new Map<string, string>()

  constructor(private readonly worklist: Worklist) {
    this.choices = {
      2: new ModelChoice(2, () => this.render()),
      3: new ModelChoice(3, () => this.render()),
    }
    this.priority = element(
      'select',
      { id: 'priority' },
      ...PRIORITIES.map(([value, label]) =>
        element('option', { value, selected: value === '5' }, label),
      ),
    )
    this.startButton = element(
      'button.primary',
      { type: 'button', id: 'start', onclick: () => void this.start() },
      'Start',
    )
    this.root = this.layout()
    reader.onChange(() => this.render())
    reader.onChange(() => void this.archive.load())
    void this.listFormats()
  }

  /** Shows why the models could not be loaded. */
  showProblem(problem: Problem): void {
    fill(this.models, problemBox(problem))
  }

  showModels(models: Model[]): void {
    this.catalogue = models
    for (const choice of Object.values(this.choices)) choice.setModels(models)
    this.render()
  }

  add(groups: FileGroup[]): void {
    this.uploads.add(groups)
  }

  /** Adds a scan that the gateway already has. */
  addKnown(scan: Scan): void {
    this.uploads.addKnown(scan)
  }

  /** Says which files can be uploaded; nothing if the list cannot be loaded. */
  private async listFormats(): Promise<void> {
    const formats = await api.formats().catch(() => [])
    const titles = formats.filter((one) => one.scan_dimensions.length > 0).map((one) => one.title)
    if (titles.length === 0) return
    this.supported.textContent = `Supported formats: ${titles.join(', ')}. Upload a DICOM series as files, a folder, a zip or a tar. Upload any other scan as one file, or as a header together with its data file. If any other scan is stored as a folder, upload a zip of that folder. You can add several scans.`
  }

  private layout(): HTMLElement {
    const picker = element('input', {
      type: 'file',
      multiple: true,
      id: 'files',
      onchange: () => {
        const files = located(picker.files ?? [])
        picker.value = ''
        void groupFiles(files).then((groups) => this.add(groups))
      },
    })
    const folder = element('input', {
      type: 'file',
      webkitdirectory: true,
      id: 'folder',
      onchange: () => {
        const files = located(folder.files ?? [])
        folder.value = ''
        void groupFolder(files).then((groups) => this.add(groups))
      },
    })
    const earlier = element(
      'details',
      { ontoggle: () => earlier.open && void this.listEarlier() },
      element('summary', {}, 'Use a stored scan'),
      this.earlier,
    )
    return element(
      'section.start',
      { 'aria-labelledby': 'start-title' },
      element('h1', { id: 'start-title' }, 'New segmentation'),
      element('h2', {}, element('span.step', {}, '1'), 'Scans'),
      element(
        'label.drop',
        { for: 'files' },
        picker,
        element('strong', {}, 'Drop scans here, or choose files'),
        this.supported,
      ),
      element('label.folder', { for: 'folder' }, folder, 'Choose a folder with DICOM files'),
      this.unfinished.root,
      this.list,
      earlier,
      this.archive.root,
      element('h2', {}, element('span.step', {}, '2'), 'Model'),
      this.models,
      element('h2', {}, element('span.step', {}, '3'), 'Start'),
      element(
        'div.launch',
        {},
        element('label', { for: 'priority' }, 'Priority'),
        this.priority,
        this.startButton,
        this.hint,
      ),
      this.problems,
    )
  }

  private render(): void {
    this.renderUploads()
    const scans = this.uploads.scans
    if (this.catalogue !== null) this.renderModels(scans)
    const wanted = this.wanted()
    this.startButton.textContent = wanted.length > 1 ? `Start ${wanted.length} jobs` : 'Start'
    const may = reader.may('jobs:create')
    this.startButton.disabled = wanted.length === 0 || this.starting || !may
    this.hint.textContent = this.hintText(scans, wanted.length)
  }

  private renderUploads(): void {
    for (const [item, row] of this.rows) {
      if (this.uploads.items.includes(item)) continue
      row.remove()
      this.rows.delete(item)
    }
    for (const item of this.uploads.items) {
      let row = this.rows.get(item)
      if (row === undefined) {
        row = element('li')
        this.rows.set(item, row)
        this.list.append(row)
      }
      fillRow(row, item, this.uploads)
    }
    this.unfinished.show()
  }

  private renderModels(scans: Scan[]): void {
    const present = ([3, 2] as const).filter((d) => scans.some((scan) => scan.dimension === d))
    if (present.length === 0) {
      if (this.models.dataset.shown !== 'catalogue') fill(this.models, ...this.overview())
      this.models.dataset.shown = 'catalogue'
      return
    }
    for (const d of present) this.choices[d].update(scans.filter((scan) => scan.dimension === d))
    if (this.models.dataset.shown === present.join()) return
    this.models.dataset.shown = present.join()
    fill(this.models, ...present.map((d) => this.choices[d].root))
  }

  /** The installed models, shown while there is no scan. */
  private overview(): HTMLElement[] {
    const models = this.catalogue ?? []
    if (models.length === 0) {
      return [
        element(
          'p.empty',
          {},
          'No model is installed. Add one with the command “tessera models add”.',
        ),
      ]
    }
    return [
      element('p.hint', {}, 'Add a scan to choose a model. Installed models:'),
      element(
        'ul.overview',
        {},
        ...models.map((model) =>
          element(
            'li',
            {},
            element('strong', {}, titleText(model)),
            element('span.fact', {}, model.dimension === 3 ? 'for volumes' : 'for 2D images'),
            element(
              'span.labels',
              {},
              ...model.labels.map((label) =>
                element('span.label', {}, swatch(label.color), element('span', {}, label.name)),
              ),
            ),
          ),
        ),
      ),
    ]
  }

  private hintText(scans: Scan[], jobs: number): string {
    if (this.starting) return 'Starting …'
    if (!reader.may('jobs:create')) return 'Your account is not permitted to start jobs.'
    const active = this.uploads.items.filter((item) =>
      ['waiting', 'sending', 'checking'].includes(item.state),
    )
    if (active.length > 0) return `${countText(active.length, 'upload')} in progress`
    if (scans.length === 0) return 'Add a scan first.'
    const fits = scans.some((scan) =>
      this.catalogue?.some((model) => model.dimension === scan.dimension),
    )
    if (!fits && this.catalogue !== null)
      return 'No installed model fits these scans. Add one with the command “tessera models add”.'
    if (jobs === 0 && Object.values(this.choices).some((choice) => choice.comparing))
      return 'Comparing the scans with the models …'
    if (jobs === 0) return 'Choose a scan for each channel of the model.'
    return ''
  }

  private wanted(): NewJob[] {
    const priority = Number(this.priority.value)
    const scans = this.uploads.scans
    return ([3, 2] as const).flatMap((d) =>
      this.choices[d]
        .jobs(scans.filter((scan) => scan.dimension === d))
        .map((job) => ({ ...job, priority })),
    )
  }

  private async start(): Promise<void> {
    this.starting = true
    fill(this.problems)
    this.render()
    const started: Job[] = []
    for (const wanted of this.wanted()) {
      try {
        const job = await api.start(wanted, this.keyOf(wanted))
        this.keys.delete(JSON.stringify(wanted))
        this.worklist.update(job)
        started.push(job)
        this.removeScansOf(wanted)
      } catch (error) {
        this.problems.append(problemBox(api.problemOf(error)))
      }
    }
    this.starting = false
    this.render()
    const isHere = !this.root.hidden // the reader may have opened a job meanwhile
    if (started.length > 0 && this.problems.childElementCount === 0 && isHere)
      go({ page: 'job', id: started[0]!.id })
  }

  private keyOf(wanted: NewJob): string {
    const body = JSON.stringify(wanted)
    const key = this.keys.get(body) ?? randomId()
    this.keys.set(body, key)
    return key
  }

  /** Removes the scans of a started job from the form. */
  private removeScansOf(wanted: NewJob): void {
    const used = new Set([wanted.scan, ...Object.values(wanted.scans ?? {})])
    for (const item of [...this.uploads.items]) {
      if (item.scan !== null && used.has(item.scan.id)) this.uploads.remove(item)
    }
  }

  private async listEarlier(): Promise<void> {
    fill(this.earlier, element('p.hint', {}, 'Loading …'))
    try {
      const { scans } = await api.scans()
      if (scans.length === 0) fill(this.earlier, element('p.hint', {}, 'There are no scans yet.'))
      else fill(this.earlier, element('ul', {}, ...scans.map((scan) => this.earlierRow(scan))))
    } catch (error) {
      fill(this.earlier, problemBox(api.problemOf(error)))
    }
  }

  private earlierRow(scan: Scan): HTMLElement {
    return element(
      'li',
      {},
      element(
        'button.quiet',
        { type: 'button', onclick: () => this.addKnown(scan) },
        element('span.name', {}, scan.name),
        element('span.fact', {}, shapeText(scan)),
      ),
    )
  }
}

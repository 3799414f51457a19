/** The installed models with their versions, and the trainings that make further ones. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Model, Problem, Training, TrainingPreview } from '../schemas'
import { countText } from '../text'
import * as calls from '../training_api'
import { byName, masksText, previewTexts } from '../trainings'
import { confirmed } from './confirm'
import { problemBox, warningBox } from './messages'
import { TrainingRow } from './training_row'

export class ModelsView {
  readonly root: HTMLElement
  /** Leads to this view; for those who may train. */
  readonly link = element('a.button', { href: '#models' }, 'Models')
  private models: Model[] = []
  private readonly list = element('ul.installed')
  private readonly rows = new Map<string, ModelRow>()
  private readonly trainings = new Map<string, TrainingRow>()
  /** Of models that are not installed any more. */
  private readonly others = element('ul.trainings')
  private readonly problem = element('div', { 'aria-live': 'polite' })

  /** `onPublished` is called when jobs can choose a further model. */
  constructor(private readonly onPublished: () => void) {
    this.root = element(
      'section.models-view',
      { 'aria-labelledby': 'models-title', hidden: true },
      element('h1', { id: 'models-title' }, 'Models'),
      element(
        'p.hint',
        {},
        'A model learns from the masks that readers accept or correct. The result is a further version that new jobs can choose; the model itself stays as it is.',
      ),
      this.problem,
      this.list,
      this.others,
    )
    reader.onChange(() => {
      this.link.hidden = !this.may
    })
  }

  showModels(models: Model[]): void {
    this.models = models
    if (!this.root.hidden) void this.load()
  }

  /** Shows the view, or leaves it. */
  show(shown: boolean): void {
    this.root.hidden = !shown
    if (shown) void this.load()
    else for (const row of this.trainings.values()) row.leave()
  }

  private get may(): boolean {
    return reader.may('trainings:manage')
  }

  private async load(): Promise<void> {
    fill(this.problem)
    this.renderModels()
    if (!this.may) {
      fill(this.problem, element('p.hint', {}, 'Your account is not permitted to train models.'))
      return
    }
    try {
      const { trainings } = await calls.trainings()
      for (const training of [...trainings].reverse()) this.showTraining(training)
    } catch (error) {
      fill(this.problem, problemBox(api.problemOf(error)))
    }
    for (const row of this.rows.values()) {
      if (this.root.hidden) return
      await row.count() // one after the other: each counts the judged masks of a model
    }
  }

  private renderModels(): void {
    const groups = byName(this.models)
    for (const [name, versions] of groups) {
      const row = this.rows.get(name) ?? new ModelRow(name, (one) => this.showTraining(one))
      this.rows.set(name, row)
      row.update(versions)
      if (row.root.parentElement === null) this.list.append(row.root)
    }
    for (const [name, row] of this.rows) {
      if (groups.has(name)) continue
      row.root.remove()
      this.rows.delete(name)
    }
  }

  /** Shows a training below its model, a new one above the others, and follows it. */
  private showTraining(training: Training): void {
    const model = this.rows.get(training.model.split('@')[0]!)
    let row = this.trainings.get(training.id)
    if (row === undefined) {
      row = new TrainingRow(training, () => model?.labels ?? [], this.onPublished)
      this.trainings.set(training.id, row)
    }
    const list = model?.trainings ?? this.others
    if (row.root.parentElement !== list) list.prepend(row.root)
    row.update(training)
    if (!this.root.hidden) row.follow()
  }
}

/** A model with its versions, the button that trains the newest one further, and its trainings. */
class ModelRow {
  readonly root = element('li.model')
  readonly trainings = element('ul.trainings')
  private versions: Model[] = []
  private readonly title = element('h2')
  private readonly facts = element('p.fact')
  private readonly masks = element('p.fact')
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private readonly learn = element(
    'button',
    { type: 'button', hidden: true, onclick: () => void this.ask() },
    'Learn from corrections …',
  )

  constructor(
    private readonly name: string,
    private readonly onTraining: (training: Training) => void,
  ) {
    const text = element('div', {}, this.title, this.facts, this.masks)
    fill(this.root, element('div.head', {}, text, this.learn), this.problem, this.trainings)
  }

  get labels(): Model['labels'] {
    return this.newest.labels
  }

  private get newest(): Model {
    return this.versions.at(-1)!
  }

  update(versions: Model[]): void {
    this.versions = versions
    const { title } = versions[0]!
    this.title.textContent = title
    this.facts.textContent = versionsText(this.name, versions)
    this.learn.setAttribute('aria-label', `Learn from corrections: ${title}`)
  }

  /** Counts the masks that a training would use. */
  async count(): Promise<void> {
    const preview = await calls.preview(this.newest.name).catch(() => null)
    if (preview === null) return
    this.learn.hidden = !preview.trainable
    const none = preview.accepted + preview.corrected === 0
    const judged = none ? 'No mask is judged yet.' : `${masksText(preview)}.`
    this.masks.textContent = preview.trainable ? judged : preview.problem!.detail
  }

  /** Shows what the model would learn from, and starts the training. */
  private async ask(): Promise<void> {
    fill(this.problem)
    try {
      const preview = await calls.preview(this.newest.name)
      if (preview.problem !== null) {
        fill(this.problem, problemBox(preview.problem as Problem))
        return
      }
      if (await confirmed(question(this.newest, preview)))
        this.onTraining(await calls.start(this.newest.name))
    } catch (error) {
      fill(this.problem, problemBox(api.problemOf(error)))
    }
  }
}

function question(model: Model, preview: TrainingPreview): Parameters<typeof confirmed>[0] {
  const worker = preview.worker_problem
  return {
    title: `Train ${model.title} further?`,
    text: [
      ...previewTexts(preview).map((text) => element('p', {}, text)),
      element(
        'p',
        {},
        'The training runs with the lowest priority beside the jobs. The new version is offered for new jobs unless it is worse.',
      ),
      ...(worker === null ? [] : [warningBox([`${worker.detail} ${worker.hint}`])!]),
    ],
    no: 'Not now',
    yes: 'Start training',
    harmless: true,
  }
}

function versionsText(name: string, versions: Model[]): string {
  const numbers = versions.map((model) => model.version).join(', ')
  const count = versions.length === 1 ? 'version' : `${countText(versions.length, 'version')}:`
  return `${name}, ${count} ${numbers}`
}

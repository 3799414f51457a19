/** The installed models with their versions, and the trainings that make further ones. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Model, Problem, Training, TrainingPreview } from '../schemas'
import { countText } from '../text'
import * as calls from '../training_api'
import { byName, masksText, previewTexts } from '../trainings'
import { confirmed } from './confirm'
import { problemBox } from './messages'
import { TrainingRow } from './training_row'

export class ModelsView {
  readonly root: HTMLElement
  /** Leads to this view; for those who may train. */
  readonly link = element('a.button', { href: '#models' }, 'Models')
  private models: Model[] = []
  private readonly list = element('ul.installed')
  private readonly trainings = element('ul.trainings')
  private readonly rows = new Map<string, TrainingRow>()
  private readonly note = element('p.hint', {}, 'There was no training yet.')
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private rendered = ''

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
      element('h2', {}, 'Trainings'),
      this.note,
      this.trainings,
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
    this.link.toggleAttribute('aria-current', shown)
    if (shown) {
      void this.load()
      return
    }
    this.rendered = ''
    for (const row of this.rows.values()) row.leave()
  }

  private get may(): boolean {
    return reader.may('trainings:manage')
  }

  private async load(): Promise<void> {
    fill(this.problem)
    await Promise.all([this.loadModels(), this.loadTrainings()])
  }

  private async loadModels(): Promise<void> {
    const groups = byName(this.models)
    const names = JSON.stringify([...groups])
    if (names === this.rendered) return
    this.rendered = names
    const rows = [...groups].map(([name, versions]) => new ModelRow(name, versions, this))
    fill(this.list, ...rows.map((row) => row.root))
    for (const row of rows) {
      if (this.rendered !== names || !this.may) return
      await row.load() // one after the other: each counts the judged masks of a model
    }
  }

  private async loadTrainings(): Promise<void> {
    if (!this.may) {
      this.note.textContent = 'Your account is not permitted to train models.'
      return
    }
    try {
      const { trainings } = await calls.trainings()
      for (const training of [...trainings].reverse()) this.showTraining(training)
    } catch (error) {
      fill(this.problem, problemBox(api.problemOf(error)))
    }
  }

  /** Shows a training, a new one above the others, and follows it. */
  showTraining(training: Training): void {
    let row = this.rows.get(training.id)
    if (row === undefined) {
      const labels = this.labelsOf(training.model)
      row = new TrainingRow(training, () => labels, this.onPublished)
      this.rows.set(training.id, row)
      this.trainings.prepend(row.root)
    }
    row.update(training)
    if (!this.root.hidden) row.follow()
    this.note.hidden = true
  }

  private labelsOf(name: string): Model['labels'] {
    const [base] = name.split('@')
    return this.models.find((model) => model.name.split('@')[0] === base)?.labels ?? []
  }
}

/** A model with its versions, and the button that trains the newest one further. */
class ModelRow {
  readonly root = element('li.model')
  private readonly masks = element('p.fact')
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private readonly learn: HTMLButtonElement
  private readonly newest: Model

  constructor(
    name: string,
    versions: Model[],
    private readonly view: ModelsView,
  ) {
    this.newest = versions.at(-1)!
    this.learn = element(
      'button',
      {
        type: 'button',
        hidden: true,
        'aria-label': `Learn from corrections: ${this.newest.title}`,
        onclick: () => void this.ask(),
      },
      'Learn from corrections …',
    )
    const [first] = versions
    fill(
      this.root,
      element('div.head', {}, element('h3', {}, first!.title), this.learn),
      element('p.fact', {}, versionsText(name, versions)),
      this.masks,
      this.problem,
    )
  }

  /** Counts the masks that a training would use. */
  async load(): Promise<void> {
    const preview = await calls.preview(this.newest.name).catch(() => null)
    if (preview === null) return
    this.learn.hidden = !preview.trainable
    const none = preview.accepted + preview.corrected === 0
    const judged = none ? 'No mask is judged yet.' : `Judged: ${masksText(preview)}.`
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
      if (preview.running !== null) this.view.showTraining(preview.running)
      if (await confirmed(question(this.newest, preview)))
        this.view.showTraining(await calls.start(this.newest.name))
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
      ...(worker === null ? [] : [problemBox(worker as Problem)]),
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

/** The choice of a model for scans of one dimension: the best match of each scan, or one for all. */

import { element, fill, swatch } from '../element'
import { ModelFits } from '../model_fits'
import type { Model, ModelFit, NewJob, Scan } from '../schemas'
import { titleText, tuningText } from '../text'
import { ChannelChoice } from './channel_choice'
import { warningBox } from './messages'

/** What a scan and a model have in common. */
const MATCHES: Record<ModelFit['matches'][number], string> = {
  modality: 'modality',
  'body-part': 'body part',
  spacing: 'voxel size',
  extent: 'extent',
  values: 'values',
  colour: 'colour',
  orientation: 'orientation',
  reference: 'reference case',
  empty: 'mask',
}

export class ModelChoice {
  readonly root: HTMLFieldSetElement
  private models: Model[] = []
  /** For all scans; null: the best match of each. */
  private chosen: Model | null = null
  private scans: Scan[] = []
  private readonly fits: ModelFits
  private readonly cards = element('div.cards')
  private readonly doubts = element('div.doubtful')
  private readonly channels: ChannelChoice

  constructor(
    private readonly dimension: 2 | 3,
    private readonly onChange: () => void,
  ) {
    this.fits = new ModelFits(onChange)
    this.channels = new ChannelChoice(onChange)
    this.root = element(
      'fieldset.choice',
      {},
      element('legend', {}, dimension === 3 ? 'Model for volumes' : 'Model for 2D images'),
      this.cards,
      this.doubts,
      this.channels.root,
    )
  }

  setModels(models: Model[]): void {
    this.models = models.filter((model) => model.dimension === this.dimension)
    delete this.cards.dataset.seen
  }

  update(scans: Scan[]): void {
    this.scans = scans
    this.fits.load(scans)
    this.renderCards()
    const several = this.several()
    this.channels.show(several, scans)
    const doubts = several === null ? scans.flatMap((scan) => this.doubtsOf(scan)) : []
    fill(this.doubts, warningBox(doubts))
  }

  /** Whether the scans are still compared with the models. */
  get comparing(): boolean {
    return this.chosen === null && this.scans.some((scan) => this.fits.of(scan) === null)
  }

  /** The jobs to start: one for each scan, or one for the scans of all channels. */
  jobs(scans: Scan[]): Omit<NewJob, 'priority'>[] {
    const several = this.several()
    if (scans.length === 0 || this.comparing) return []
    if (several !== null) return this.channels.jobs(several, scans)
    return scans.flatMap((scan) => {
      const model = this.modelFor(scan)
      return model === null ? [] : [{ scan: scan.id, model: model.name }]
    })
  }

  /** The model for a scan; null while it is not known. */
  private modelFor(scan: Scan): Model | null {
    return this.chosen ?? this.suggested(scan)
  }

  /** The best match that needs no other scan; the first model if the gateway cannot compare. */
  private suggested(scan: Scan): Model | null {
    const fits = this.fits.of(scan)
    if (fits === null) return null
    const named = fits.flatMap((fit) => this.models.filter((model) => model.name === fit.model))
    const order = named.length > 0 ? named : this.models
    return order.find((model) => model.channels.length === 1) ?? order[0] ?? null
  }

  /** The one model for all scans, if there is one. */
  private common(): Model | null {
    const models = new Set(this.scans.map((scan) => this.modelFor(scan)))
    return models.size === 1 ? [...models][0]! : null
  }

  /** The model of all scans, if it needs several. */
  private several(): Model | null {
    const model = this.common()
    return model !== null && model.channels.length > 1 ? model : null
  }

  private fitOf(scan: Scan, model: Model): ModelFit | undefined {
    return this.fits.of(scan)?.find((fit) => fit.model === model.name)
  }

  private doubtsOf(scan: Scan): string[] {
    const model = this.modelFor(scan)
    const doubts = model === null ? [] : (this.fitOf(scan, model)?.doubts ?? [])
    if (model === null || doubts.length === 0) return []
    const reasons = doubts.map((doubt) => doubt.text).join(' ')
    return [`${scan.name} is unlike the scans that ${titleText(model)} was trained on. ${reasons}`]
  }

  /** Renders the cards again if the scans, what fits them or the choice has changed. */
  private renderCards(): void {
    const state = this.scans.map((scan) => [scan.id, this.fits.of(scan)?.length])
    const seen = JSON.stringify([state, this.chosen?.name])
    if (this.cards.dataset.seen === seen) return
    this.cards.dataset.seen = seen
    const focused = this.cards.querySelector<HTMLInputElement>('input:focus')?.value
    fill(
      this.cards,
      this.differ() && this.eachCard(),
      ...this.models.map((model) => this.card(model)),
      this.models.length === 0 &&
        element(
          'p.empty',
          {},
          `No model for ${this.dimension === 3 ? 'volumes' : '2D images'} is installed. Add one with the command “tessera models add”.`,
        ),
    )
    if (focused !== undefined)
      this.cards.querySelector<HTMLInputElement>(`input[value="${focused}"]`)?.focus()
  }

  /** Whether the best matches of the scans are different models. */
  private differ(): boolean {
    return new Set(this.scans.map((scan) => this.suggested(scan))).size > 1
  }

  private eachCard(): HTMLElement {
    const lines = this.scans.map((scan) => {
      const model = this.suggested(scan)
      const unfit = this.doubtsOf(scan).length > 0 && this.chosen === null
      return element(
        'span.fact',
        {},
        `${scan.name}: ${model === null ? 'comparing …' : titleText(model)}`,
        unfit && element('span.unfit', {}, ' (made for other scans)'),
      )
    })
    return element(
      'label.card',
      {},
      this.radio('', null, this.chosen === null),
      element('span.body', {}, element('strong', {}, 'The best match of each scan'), ...lines),
    )
  }

  private radio(value: string, model: Model | null, checked: boolean): HTMLInputElement {
    return element('input', {
      type: 'radio',
      name: `model-${this.dimension}`,
      value,
      checked,
      onchange: () => {
        this.chosen = model
        this.onChange()
      },
    })
  }

  private card(model: Model): HTMLElement {
    return element(
      'label.card',
      {},
      this.radio(model.name, model, model === this.common()),
      element(
        'span.body',
        {},
        element('strong', {}, titleText(model)),
        element(
          'span.fact',
          {},
          model.name.includes('@') ? model.name : `${model.name} ${model.version}`,
          model.channels.length > 1
            ? ` · ${model.channels.length} channels: ${model.channels.join(', ')}`
            : '',
        ),
        this.fitLine(model),
        model.description !== '' && element('span.text', {}, model.description),
        tuningText(model) !== '' && element('span.text', {}, tuningText(model)),
        element(
          'span.labels',
          {},
          ...model.labels.map((label) =>
            element('span.label', {}, swatch(label.color), element('span', {}, label.name)),
          ),
        ),
        element('span.use', {}, model.intended_use),
      ),
    )
  }

  /** How the scan fits the model, if there is one scan. */
  private fitLine(model: Model): HTMLElement | null {
    const [scan, more] = this.scans
    const fit = scan === undefined || more !== undefined ? undefined : this.fitOf(scan, model)
    if (fit === undefined) return null
    if (fit.doubts.length > 0) return element('span.unfit', {}, 'Made for other scans')
    if (fit.matches.length === 0) return element('span.unknown', {}, uncomparedText(fit))
    const matches = fit.matches.map((kind) => MATCHES[kind]).join(', ')
    return element('span.fit', {}, `Like its training scans in: ${matches}`)
  }
}

/** Why nothing is said against the model: there is nothing to compare. */
function uncomparedText({ unknown }: ModelFit): string {
  if (unknown.length === 0) return 'Its card does not state what it was trained on'
  return `Not compared, the scan does not show its ${unknown.map((kind) => MATCHES[kind]).join(', ')}`
}

/** The choice of a model for scans of one dimension, and of a scan for each of its channels. */

import { element, fill, swatch } from '../element'
import type { Model, NewJob, Scan } from '../schemas'

export class ModelChoice {
  readonly root: HTMLFieldSetElement
  private models: Model[] = []
  private chosen: Model | null = null
  private scans: Scan[] = []
  private readonly picked = new Map<string, string>()
  private readonly cards = element('div.cards')
  private readonly channels = element('div.channels')

  constructor(
    private readonly dimension: 2 | 3,
    private readonly onChange: () => void,
  ) {
    this.root = element(
      'fieldset.choice',
      {},
      element('legend', {}, dimension === 3 ? 'Model for volumes' : 'Model for 2D images'),
      this.cards,
      this.channels,
    )
  }

  setModels(models: Model[]): void {
    this.models = models.filter((model) => model.dimension === this.dimension)
    this.chosen ??=
      this.models.find((model) => model.channels.length === 1) ?? this.models[0] ?? null
    fill(
      this.cards,
      ...this.models.map((model) => this.card(model)),
      this.models.length === 0 &&
        element(
          'p.empty',
          {},
          `No model for ${this.dimension === 3 ? 'volumes' : '2D images'} is installed. Add one with the command “tessera models add”.`,
        ),
    )
  }

  update(scans: Scan[]): void {
    this.scans = scans
    const several = this.chosen !== null && this.chosen.channels.length > 1
    const seen = several ? [this.chosen!.name, ...scans.map((scan) => scan.id)].join() : ''
    if (this.channels.dataset.seen === seen) return // an unchanged list keeps the user's open menu
    this.channels.dataset.seen = seen
    if (several) this.renderChannels(this.chosen!)
    else fill(this.channels)
  }

  /** The jobs to start: one for each scan, or one for the scans of all channels. */
  jobs(scans: Scan[]): Omit<NewJob, 'priority'>[] {
    const model = this.chosen
    if (model === null || scans.length === 0) return []
    if (model.channels.length === 1)
      return scans.map((scan) => ({ scan: scan.id, model: model.name }))
    const ids = model.channels.map((channel) => this.picked.get(channel) ?? '')
    const complete = ids.every((id) => scans.some((scan) => scan.id === id))
    if (!complete) return []
    return [
      { scans: Object.fromEntries(model.channels.map((c, n) => [c, ids[n]!])), model: model.name },
    ]
  }

  private card(model: Model): HTMLElement {
    const radio = element('input', {
      type: 'radio',
      name: `model-${this.dimension}`,
      value: model.name,
      checked: model === this.chosen,
      onchange: () => {
        this.chosen = model
        this.onChange()
      },
    })
    return element(
      'label.card',
      {},
      radio,
      element(
        'span.body',
        {},
        element('strong', {}, model.title || model.name),
        element(
          'span.fact',
          {},
          `${model.name} ${model.version}`,
          model.channels.length > 1
            ? ` · ${model.channels.length} channels: ${model.channels.join(', ')}`
            : '',
        ),
        model.description !== '' && element('span.text', {}, model.description),
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

  private renderChannels(model: Model): void {
    for (const [n, channel] of model.channels.entries()) {
      const present = this.scans.some((scan) => scan.id === this.picked.get(channel))
      if (!present) this.picked.set(channel, this.guess(channel, n))
    }
    fill(
      this.channels,
      element(
        'p.hint',
        {},
        'This model needs several scans of the same subject. Choose a scan for each channel:',
      ),
      ...model.channels.map((c) => this.picker(c)),
    )
  }

  /** The scan whose name contains the channel's name, otherwise the next one. */
  private guess(channel: string, n: number): string {
    const byName = this.scans.find((scan) => scan.name.toLowerCase().includes(channel))
    return (byName ?? this.scans[n])?.id ?? ''
  }

  private picker(channel: string): HTMLElement {
    const select = element(
      'select',
      {
        id: `channel-${channel}`,
        onchange: () => {
          this.picked.set(channel, select.value)
          this.onChange()
        },
      },
      element('option', { value: '' }, 'choose a scan'),
      ...this.scans.map((scan) =>
        element(
          'option',
          { value: scan.id, selected: scan.id === this.picked.get(channel) },
          scan.name,
        ),
      ),
    )
    return element('div.row', {}, element('label', { for: `channel-${channel}` }, channel), select)
  }
}

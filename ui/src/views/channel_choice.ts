/** The choice of a scan for each channel of a model that needs several. */

import { element, fill } from '../element'
import type { Model, NewJob, Scan } from '../schemas'

export class ChannelChoice {
  readonly root = element('div.channels')
  private scans: Scan[] = []
  private readonly picked = new Map<string, string>()

  constructor(private readonly onChange: () => void) {}

  /** `model`: with several channels; null: no choice is needed. */
  show(model: Model | null, scans: Scan[]): void {
    this.scans = scans
    const seen = model === null ? '' : [model.name, ...scans.map((scan) => scan.id)].join()
    if (this.root.dataset.seen === seen) return // an unchanged list keeps the user's open menu
    this.root.dataset.seen = seen
    if (model === null) fill(this.root)
    else this.render(model)
  }

  /** The job of the chosen scans; none while a channel has no scan. */
  jobs(model: Model, scans: Scan[]): Omit<NewJob, 'priority'>[] {
    const ids = model.channels.map((channel) => this.picked.get(channel) ?? '')
    if (!ids.every((id) => scans.some((scan) => scan.id === id))) return []
    const chosen = Object.fromEntries(model.channels.map((channel, n) => [channel, ids[n]!]))
    return [{ scans: chosen, model: model.name }]
  }

  private render(model: Model): void {
    for (const [n, channel] of model.channels.entries()) {
      const present = this.scans.some((scan) => scan.id === this.picked.get(channel))
      if (!present) this.picked.set(channel, this.guess(channel, n))
    }
    fill(
      this.root,
      element(
        'p.hint',
        {},
        'This model needs several scans of the same subject. Choose a scan for each channel:',
      ),
      ...model.channels.map((channel) => this.picker(channel)),
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

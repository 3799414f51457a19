/** A dialog about second readings of the jobs in the list: their agreement, and more of them. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import { kappaText, shareText } from '../readings'
import type { ReaderAgreement } from '../schemas'
import { countText } from '../text'
import { problemBox } from './messages'
import { VERDICTS } from './past_reviews'

/** The interval of kappa holds for large numbers only. */
const FEWEST = 10

export class AgreementDialog {
  readonly root: HTMLDialogElement
  private query = new URLSearchParams()
  private readonly numbers = element('div.numbers', { 'aria-live': 'polite' })
  private readonly outcome = element('div.outcome', { 'aria-live': 'polite' })
  private readonly share = number('Share, in percent', 10, 1, 100)
  private readonly seed = number('Seed', 1, 0, 999_999)
  private readonly start = element('button', {}, 'Put up')
  private readonly more = element(
    'form.put-up',
    {
      onsubmit: (event: Event) => {
        event.preventDefault()
        void this.putUp()
      },
    },
    element('h3', {}, 'Put more jobs up, chosen at random'),
    this.share.root,
    this.seed.root,
    this.start,
  )

  /** `onPutUp` is called when jobs were put up for a second reading. */
  constructor(private readonly onPutUp: () => void) {
    this.root = element(
      'dialog.agreement',
      { 'aria-labelledby': 'agreement-title' },
      element('h2', { id: 'agreement-title' }, 'Second readings of the jobs in the list'),
      this.numbers,
      this.more,
      this.outcome,
      element('form.buttons', { method: 'dialog' }, element('button', {}, 'Close')),
    )
  }

  /** `query`: the conditions of the list. */
  async open(query: URLSearchParams): Promise<void> {
    this.query = query
    this.more.hidden = !reader.may('readings:manage')
    fill(this.outcome)
    fill(this.numbers, element('p', {}, 'Loading …'))
    this.root.showModal()
    await this.load(query)
  }

  private async load(query: URLSearchParams): Promise<void> {
    try {
      const found = await api.readerAgreement(query)
      if (query === this.query) fill(this.numbers, ...this.facts(found))
    } catch (error) {
      if (query === this.query) fill(this.numbers, problemBox(api.problemOf(error)))
    }
  }

  private facts(found: ReaderAgreement): HTMLElement[] {
    if (found.jobs === 0)
      return [element('p', {}, 'No job of the list has been read by two readers.')]
    const rows: [string, string][] = [
      ['Read by two readers', countText(found.jobs, 'job')],
      ['Same verdict', found.agreement === null ? 'none' : shareText(found.agreement)],
      ['Cohen’s kappa', kappaOf(found)],
      ['To be adjudicated', String(found.to_adjudicate)],
      ['Adjudicated', String(found.adjudicated)],
      ['Not blind', String(found.not_blind)],
    ]
    if (found.mean_dice !== null) {
      const masks = `${found.mean_dice.toFixed(2)} of ${countText(found.compared_masks, 'mask')}`
      rows.push(['Mean Dice', masks])
    }
    const pairs = found.verdicts.map(
      (pair) =>
        `${VERDICTS[pair.first]}, then ${VERDICTS[pair.second].toLowerCase()}: ${pair.jobs}`,
    )
    return [
      element(
        'dl',
        {},
        ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
      ),
      element('p.fact', {}, `${pairs.join('; ')}. Intervals are of 95 %.`),
      element(
        'a',
        { href: api.address(`second-readings/agreement.csv?${this.query}`), download: true },
        'Download as a table (CSV)',
      ),
    ]
  }

  private async putUp(): Promise<void> {
    const share = Number(this.share.input.value) / 100
    const seed = Number(this.seed.input.value)
    const { query } = this
    this.start.disabled = true
    try {
      const wanted = { share, seed, reader: reader.name }
      const put = await api.requestSecondReadings(query, wanted)
      const said = `${countText(put.jobs.length, 'job')} of ${put.selected} put up.`
      if (query === this.query) fill(this.outcome, element('p', {}, said))
      this.onPutUp()
      await this.load(query)
    } catch (error) {
      if (query === this.query) fill(this.outcome, problemBox(api.problemOf(error)))
    }
    this.start.disabled = false
  }
}

function kappaOf({ jobs, kappa }: ReaderAgreement): string {
  if (kappa === null) return 'all verdicts are the same'
  return jobs < FEWEST ? `fewer than ${FEWEST} jobs are too few` : kappaText(kappa)
}

function number(
  label: string,
  value: number,
  min: number,
  max: number,
): { root: HTMLElement; input: HTMLInputElement } {
  const input = element('input', { type: 'number', value, min, max, required: true })
  return { root: element('label', {}, label, input), input }
}

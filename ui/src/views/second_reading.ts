/** The second reading of the job on screen: what is hidden, how the readers agree, who decides. */

import * as api from '../api'
import { element, fill } from '../element'
import { diceText, noteText, type ReaderMask, readerMasks } from '../readings'
import type { Job, NewReview, Review, SecondReading } from '../schemas'
import type { Keys } from '../shortcuts'
import { problemBox } from './messages'
import { VERDICTS } from './past_reviews'
import { reasonText } from './reasons'

export class SecondReadingView {
  readonly root = element('section.second-reading', { 'aria-label': 'Second reading' })
  private job: Job | null = null
  private seen = ''
  private reading: SecondReading | null = null
  private masks: ReaderMask[] = []
  private shown = 0

  /**
   * `reader`: the name of this reader. `showMask` draws a reader's mask; false if the page cannot.
   * `onAdopt` is called with the adjudication that takes a reader's mask over.
   */
  constructor(
    private readonly reader: () => string,
    private readonly showMask: (review: string | null) => Promise<boolean>,
    private readonly onAdopt: (review: Adjudication) => void,
    private readonly onRequested: (job: Job) => void,
  ) {}

  /** Whether the reader's verdict decides between the readings. */
  get adjudicates(): boolean {
    return this.reading?.state === 'adjudicate' && this.reading.may_adjudicate
  }

  /** Whether a review needs the name of its reader. */
  get needsName(): boolean {
    return (this.job?.second_reading ?? null) !== null
  }

  clear(): void {
    this.job = null
    this.reading = null
    this.masks = []
    this.shown = 0
    this.seen = ''
    fill(this.root)
  }

  /** Shows the second reading; `reviews` are those that this reader may see. */
  async show(job: Job, reviews: Review[]): Promise<void> {
    this.job = job
    const seen = JSON.stringify([job.id, job.second_reading, job.verdict, reviews, this.reader()])
    if (seen === this.seen) return
    this.seen = seen
    if (job.second_reading === null) {
      this.reading = null
      fill(this.root, this.requestButton(job))
      return
    }
    try {
      const reading = await api.secondReading(job.id, this.reader())
      if (this.job?.id !== job.id || seen !== this.seen) return
      this.render(reading, reviews)
    } catch (error) {
      this.seen = ''
      if (this.job?.id === job.id) fill(this.root, problemBox(api.problemOf(error)))
    }
  }

  keys(): Keys {
    return {
      ...(this.masks.length > 0 ? { v: () => void this.nextMask() } : {}),
      ...(this.adoptable() !== null ? { d: () => this.adopt() } : {}),
    }
  }

  private render(reading: SecondReading, reviews: Review[]): void {
    this.reading = reading
    this.masks = readerMasks(reading)
    const { agreement } = reading
    fill(
      this.root,
      element(
        'h3',
        {},
        'Second reading',
        element('span.readings', {}, `${reading.given} of ${reading.readers}`),
      ),
      element('p', { role: 'status', id: 'reading-note' }, noteText(reading)),
      agreement !== null && this.table(reading, reviews),
      agreement !== null && element('p.overlap', {}, overlapText(reading)),
      this.masks.length > 0 && this.maskBar(),
      !reading.blind &&
        element('p.fact', {}, 'Not blind: a reading was shown before the last one was given.'),
      ...reading.unblindings.map((one) =>
        element('p.fact', {}, `${one.reader} looked at the readings before all were given.`),
      ),
    )
  }

  /** The readings side by side. */
  private table(reading: SecondReading, reviews: Review[]): HTMLElement {
    const { agreement } = reading
    const readings = agreement!.reviews.map((id) => reviews.find((one) => one.id === id))
    const row = (label: string, value: (review: Review) => string): HTMLElement | false =>
      readings.some((one) => one !== undefined && value(one) !== '') &&
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, label),
        ...readings.map((one) => element('td', {}, one === undefined ? '' : value(one))),
      )
    return element(
      'table',
      { 'aria-label': 'Readings side by side' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          element('td', {}),
          ...agreement!.readers.map((name) => element('th', { scope: 'col' }, name)),
        ),
      ),
      element(
        'tbody',
        {},
        row('Verdict', (one) => VERDICTS[one.verdict]),
        row('Reasons', (one) => reasonText(one.reasons)),
        row('Comment', (one) => one.comment),
      ),
    )
  }

  private maskBar(): HTMLElement {
    const buttons = this.masks.map((mask, n) =>
      element(
        'button',
        {
          type: 'button',
          'aria-pressed': String(n === this.shown),
          onclick: () => void this.pick(n),
        },
        mask.label,
      ),
    )
    const adopt =
      this.adjudicates &&
      element(
        'button.adopt',
        {
          type: 'button',
          id: 'adopt',
          disabled: this.adoptable() === null,
          onclick: () => this.adopt(),
        },
        'Decide for this mask',
        element('kbd', { 'aria-hidden': 'true' }, 'D'),
      )
    return element(
      'div.masks',
      { role: 'group', 'aria-label': 'Mask that is shown' },
      element('span', {}, 'Show', element('kbd', { 'aria-hidden': 'true' }, 'V')),
      ...buttons,
      adopt,
    )
  }

  private async nextMask(): Promise<void> {
    await this.pick((this.shown + 1) % this.masks.length)
  }

  private async pick(place: number): Promise<void> {
    const { job } = this
    try {
      if (!(await this.showMask(this.masks[place]!.review))) return
    } catch (error) {
      if (this.job === job) this.root.append(problemBox(api.problemOf(error)))
      return
    }
    if (this.job !== job) return
    this.shown = place
    this.root.querySelector('.masks')?.replaceWith(this.maskBar())
  }

  /** The corrected mask that is shown, if this reader may decide for it. */
  private adoptable(): string | null {
    return this.adjudicates ? (this.masks[this.shown]?.review ?? null) : null
  }

  private adopt(): void {
    const review = this.adoptable()
    if (review !== null) this.onAdopt({ verdict: 'corrected', mask_of: review })
  }

  private requestButton(job: Job): HTMLElement {
    const button = element(
      'button.quiet',
      {
        type: 'button',
        id: 'request-reading',
        title: 'Another reader judges the mask, too, without seeing your verdict',
        onclick: async () => {
          button.disabled = true
          try {
            await api.requestSecondReading(job.id, this.reader())
            this.onRequested(job)
          } catch (error) {
            button.disabled = false
            if (this.job?.id === job.id) this.root.append(problemBox(api.problemOf(error)))
          }
        },
      },
      'Request a second reading',
    )
    return button
  }
}

export type Adjudication = Pick<NewReview, 'verdict' | 'mask_of'>

/** "Verdicts differ. Dice 0.93", for each pair if there are several. */
function overlapText(reading: SecondReading): string {
  const { verdicts, overlaps, readers, common_reasons } = reading.agreement!
  const equal = new Set(verdicts).size === 1
  const several = overlaps.length > 1
  const pairs = overlaps
    .filter((one) => one.dice !== null)
    .map((one) => {
      const who = several ? `${readers[one.first]} and ${readers[one.second]}: ` : ''
      const labels = Object.entries(one.labels)
      const each =
        labels.length > 1
          ? ` (${labels.map(([n, d]) => `label ${n}: ${d.toFixed(2)}`).join(', ')})`
          : ''
      return `${who}${diceText(one.dice)}${each}`
    })
  const reasons =
    common_reasons.length > 0 ? `Reasons in common: ${reasonText(common_reasons)}` : ''
  return [`Verdicts ${equal ? 'are equal' : 'differ'}`, reasons, ...pairs]
    .filter((part) => part !== '')
    .join('. ')
    .concat('.')
}

/** The second reading of the job on screen: what is hidden, how the readers agree, who decides. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import { diceText, noteText, type ReaderMask, readerMasks } from '../readings'
import { reasonText } from '../reasons'
import type { Job, NewReview, Review, SecondReading } from '../schemas'
import type { Keys } from '../shortcuts'
import { problemBox } from './messages'
import { VERDICTS } from './past_reviews'
import { ReadingButtons } from './reading_buttons'

const NOT_DRAWN = 'This page cannot draw the masks of readers of this image.'

export class SecondReadingView {
  readonly root = element('section.second-reading', { 'aria-label': 'Second reading' })
  private job: Job | null = null
  private seen = ''
  private reading: SecondReading | null = null
  private masks: ReaderMask[] = []
  private shown = 0
  private readonly buttons: ReadingButtons
  private readonly note = element('p.fact', { role: 'status' })

  /**
   * `name`: that of this reader. `showMask` draws a reader's mask; false if the page cannot.
   * `onAdopt` is called with the adjudication that takes a reader's mask over, `onChanged` when the
   * second reading was requested or cancelled.
   */
  constructor(
    private readonly name: () => string,
    private readonly showMask: (review: string | null) => Promise<boolean>,
    private readonly onAdopt: (review: Adjudication) => void,
    onChanged: (job: Job) => void,
  ) {
    this.buttons = new ReadingButtons(name, onChanged)
  }

  /** Whether the reader's verdict decides between the readings. */
  get adjudicates(): boolean {
    const decides = this.reading?.state === 'adjudicate' && this.reading.may_adjudicate
    return decides && reader.may('reviews:write')
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
    const may = reader.may('readings:manage')
    const facts = [job.id, job.second_reading, job.verdict, reviews, this.name(), may]
    const seen = JSON.stringify(facts)
    if (seen === this.seen) return
    this.seen = seen
    if (job.second_reading === null) {
      this.reading = null
      this.setMasks([])
      fill(this.root, this.buttons.request(job))
      return
    }
    try {
      const reading = await api.secondReading(job.id, this.name())
      if (this.job?.id !== job.id || seen !== this.seen) return
      this.render(job, reading, reviews)
    } catch (error) {
      if (this.job?.id !== job.id || seen !== this.seen) return
      this.seen = ''
      fill(this.root, problemBox(api.problemOf(error)))
    }
  }

  keys(): Keys {
    return {
      ...(this.masks.length > 0 ? { v: () => void this.nextMask() } : {}),
      ...(this.adoptable() !== null ? { d: () => this.adopt() } : {}),
    }
  }

  private render(job: Job, reading: SecondReading, reviews: Review[]): void {
    this.reading = reading
    this.note.textContent = ''
    this.setMasks(readerMasks(reading))
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
      this.note,
      !reading.blind &&
        element('p.fact', {}, 'Not blind: a reading was shown before the last one was given.'),
      ...reading.unblindings.map((one) =>
        element('p.fact', {}, `${one.reader} looked at the readings before all were given.`),
      ),
      reading.state !== 'complete' && this.buttons.cancel(job),
    )
  }

  private setMasks(masks: ReaderMask[]): void {
    const before = this.masks[this.shown]?.review ?? null
    this.masks = masks
    this.drawn(before)
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
    const { review } = this.masks[place]!
    try {
      if (!(await this.showMask(review))) {
        if (this.job?.id === job?.id) this.note.textContent = NOT_DRAWN
        return
      }
    } catch (error) {
      if (this.job?.id === job?.id) this.root.append(problemBox(api.problemOf(error)))
      return
    }
    if (this.job?.id !== job?.id) return
    this.drawn(review)
    this.root.querySelector('.masks')?.replaceWith(this.maskBar())
  }

  /** The mask of this review is on screen. If it may no longer be shown, the model's own one is. */
  private drawn(review: string | null): void {
    const place = this.masks.findIndex((mask) => mask.review === review)
    this.shown = Math.max(0, place)
    if (review !== null && place < 0) void this.showMask(null).catch(() => {}) // offline: said above
  }

  /** The corrected mask that is shown, if this reader may decide for it. */
  private adoptable(): string | null {
    return this.adjudicates ? (this.masks[this.shown]?.review ?? null) : null
  }

  private adopt(): void {
    const review = this.adoptable()
    if (review !== null) this.onAdopt({ verdict: 'corrected', mask_of: review })
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

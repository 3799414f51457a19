/** The review of a mask: the verdict form, and the earlier reviews. */

import * as api from '../api'
import { element, fill } from '../element'
import { recall, remember } from '../preferences'
import type { Job, NewReview, Review } from '../schemas'
import { timeText } from '../text'
import { problemBox } from './messages'

const VERDICTS = { accepted: 'Accepted', corrected: 'Corrected', rejected: 'Rejected' }

export class VerdictView {
  readonly root: HTMLElement
  private job: Job | null = null
  private saving = false
  private visible = false
  private readonly comment = element('textarea', { id: 'comment', rows: 3, maxlength: 10_000 })
  private readonly reviewer: HTMLInputElement
  private readonly accept: HTMLButtonElement
  private readonly reject: HTMLButtonElement
  private readonly past = element('ol.reviews', { 'aria-label': 'Earlier reviews' })
  private readonly result = element('div.result', { 'aria-live': 'polite' })

  constructor(private readonly onSaved: (job: string) => void) {
    this.reviewer = element('input', {
      id: 'reviewer',
      type: 'text',
      maxlength: 200,
      autocomplete: 'name',
      value: recall('reviewer', ''),
      onchange: () => remember('reviewer', this.reviewer.value.trim()),
    })
    const verdict = (kind: NewReview['verdict'], label: string, key: string): HTMLButtonElement =>
      element(
        `button.${kind}` as 'button',
        {
          type: 'button',
          id: kind,
          title: `${label} (${key})`,
          onclick: () => void this.give(kind),
        },
        label,
        element('kbd', { 'aria-hidden': 'true' }, key),
      )
    this.accept = verdict('accepted', 'Accept', 'A')
    this.reject = verdict('rejected', 'Reject', 'R')
    this.root = element(
      'section.verdict',
      { 'aria-label': 'Review' },
      element('h2', {}, 'Review'),
      this.past,
      element('label', { for: 'comment' }, 'Comment (optional)'),
      this.comment,
      element('label', { for: 'reviewer' }, 'Your name (optional)'),
      this.reviewer,
      element('div.buttons', {}, this.accept, this.reject),
      this.result,
    )
    this.root.hidden = true
  }

  /** Shows the form for a job; the buttons are enabled when the mask is on screen. */
  show(job: Job | null): void {
    const other = this.job?.id !== job?.id
    const reviewed = !other && this.visible && this.job?.verdict !== job?.verdict
    this.job = job
    this.root.hidden = job?.state !== 'succeeded'
    if (other) {
      this.comment.value = ''
      this.visible = false
      fill(this.past)
      fill(this.result)
    }
    this.enable()
    if (reviewed && !this.saving) void this.list() // reviewed in another tab or by another reader
  }

  /** Enables the buttons: the mask is on screen. */
  allow(): void {
    this.visible = true
    this.enable()
    void this.list()
  }

  async give(verdict: NewReview['verdict']): Promise<void> {
    const job = this.job
    if (job === null || this.accept.disabled) return
    this.saving = true
    this.enable()
    try {
      remember('reviewer', this.reviewer.value.trim())
      await api.review(job.id, {
        verdict,
        comment: this.comment.value.trim(),
        reviewer: this.reviewer.value.trim(),
      })
      this.comment.value = ''
      fill(
        this.result,
        element(
          'p.saved',
          {},
          `${VERDICTS[verdict]}. To change the verdict, review the mask again.`,
        ),
      )
      this.onSaved(job.id)
    } catch (error) {
      fill(this.result, problemBox(api.problemOf(error)))
    }
    this.saving = false
    this.enable()
    await this.list()
  }

  private enable(): void {
    const enabled = this.visible && !this.saving
    this.accept.disabled = !enabled
    this.reject.disabled = !enabled
    this.accept.setAttribute('aria-pressed', String(this.job?.verdict === 'accepted'))
    this.reject.setAttribute('aria-pressed', String(this.job?.verdict === 'rejected'))
  }

  private async list(): Promise<void> {
    const job = this.job
    if (job === null) return
    try {
      const reviews = await api.reviews(job.id)
      if (this.job?.id !== job.id) return
      const newest = [...reviews].sort((a, b) => b.created_at.localeCompare(a.created_at))
      fill(this.past, ...newest.map(row))
    } catch (error) {
      fill(this.result, problemBox(api.problemOf(error)))
    }
  }
}

function row(review: Review): HTMLElement {
  const by = review.reviewer === '' ? '' : ` by ${review.reviewer}`
  return element(
    'li',
    { 'data-verdict': review.verdict },
    element('strong', {}, VERDICTS[review.verdict]),
    element('span.fact', {}, `${by} ${timeText(review.created_at)}`),
    review.comment !== '' && element('p', {}, review.comment),
  )
}

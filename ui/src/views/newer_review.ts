/** Asks whether a verdict replaces a review that its reader had not seen. */

import { element, fill } from '../element'
import type { NewReview, Review } from '../schemas'
import type { Keys } from '../shortcuts'
import { reviewRow } from './past_reviews'

export class NewerReview {
  readonly root = element('div', {})
  private refused: NewReview | null = null

  /** `onReplace` is called with the review to send again. */
  constructor(
    private readonly onReplace: (review: NewReview) => void,
    private readonly onClosed: () => void,
  ) {}

  get asks(): boolean {
    return this.refused !== null
  }

  /** `reviews`: those that count, newest first. */
  ask(review: NewReview, reviews: Review[]): void {
    const before = reviews.findIndex((one) => one.id === review.seen)
    const unseen = before < 0 ? reviews : reviews.slice(0, before)
    this.refused = { ...review, seen: reviews[0]?.id ?? '' }
    const button = (label: string, key: string, onclick: () => void): HTMLElement =>
      element(
        'button',
        { type: 'button', onclick },
        label,
        element('kbd', { 'aria-hidden': 'true' }, key),
      )
    const again = { accepted: 'Accept', corrected: 'Save', rejected: 'Reject' }[review.verdict]
    fill(
      this.root,
      element(
        'div.problem',
        { role: 'alert', id: 'newer-review' },
        element('strong', {}, 'Another review was given meanwhile. Yours is not saved.'),
        element('ol.reviews', {}, ...unseen.map(reviewRow)),
        element(
          'div.buttons',
          {},
          button(`${again} anyway`, 'Enter', () => this.replace()),
          button('Keep theirs', 'Esc', () => this.clear()),
        ),
      ),
    )
  }

  clear(): void {
    this.refused = null
    fill(this.root)
    this.onClosed()
  }

  keys(): Keys {
    return {
      Escape: () => this.clear(),
      ...(document.activeElement?.matches('button, a') ? {} : { Enter: () => this.replace() }),
    }
  }

  private replace(): void {
    const { refused } = this
    this.clear()
    if (refused !== null) this.onReplace(refused)
  }
}

/**
 * A bar over the image that says why the mask may be wrong, and the question before it is accepted.
 *
 * The bar has the page's ground and text, not the image's, and cannot be closed. It is an alert:
 * its root stands in the page from the start, so that screen readers announce what appears in it.
 * Where a scan could not be compared with the training scans, a note says so.
 */

import { element, fill } from '../element'
import type { Doubt } from '../schemas'
import { confirmed } from './confirm'

export class DoubtsBar {
  readonly root = element('section.doubts', {
    role: 'alert',
    'aria-label': 'Doubts about the mask',
  })
  /** Says that there are no doubts only because nothing could be compared; it asks nothing. */
  readonly note = element('section.uncompared', { 'aria-label': 'What was not compared' })
  private doubts: Doubt[] = []

  show(doubts: Doubt[], uncompared: string[] = []): void {
    this.doubts = doubts
    fill(this.note, ...uncompared.map((text) => element('p', {}, text)))
    if (doubts.length === 0) {
      fill(this.root)
      return
    }
    fill(
      this.root,
      element('span.sign', { 'aria-hidden': 'true' }, '!'),
      element('div', {}, element('strong', {}, 'This mask may be wrong.'), list(doubts)),
    )
  }

  /** Resolves to whether the reader accepts the mask in spite of the doubts; at once without any. */
  confirmed(): Promise<boolean> {
    if (this.doubts.length === 0) return Promise.resolve(true)
    return confirmed({
      title: 'Accept this mask?',
      text: [element('p', {}, 'It may be wrong:'), list(this.doubts)],
      no: 'Do not accept',
      yes: 'Accept it anyway',
    })
  }
}

function list(doubts: Doubt[]): HTMLElement {
  return element('ul', {}, ...doubts.map((doubt) => element('li', {}, doubt.text)))
}

/**
 * A bar over the image that says why the mask may be wrong, and the question before it is accepted.
 *
 * The bar has the page's ground and text, not the image's, and cannot be closed. It is an alert:
 * its root stands in the page from the start, so that screen readers announce what appears in it.
 */

import { element, fill } from '../element'
import type { Doubt } from '../schemas'

export class DoubtsBar {
  readonly root = element('section.doubts', {
    role: 'alert',
    'aria-label': 'Doubts about the mask',
  })
  private doubts: Doubt[] = []

  show(doubts: Doubt[]): void {
    this.doubts = doubts
    if (doubts.length === 0) {
      fill(this.root)
      return
    }
    fill(
      this.root,
      element('span.sign', { 'aria-hidden': 'true' }, '!'),
      element(
        'div',
        {},
        element('strong', {}, 'This mask may be wrong.'),
        element('ul', {}, ...doubts.map((doubt) => element('li', {}, doubt.text))),
      ),
    )
  }

  /**
   * Resolves to whether the reader accepts the mask in spite of the doubts; at once if there are
   * none. The dialog takes the keys, so that shortcuts of the page do not answer it.
   */
  confirmed(): Promise<boolean> {
    return this.doubts.length === 0 ? Promise.resolve(true) : ask(this.doubts)
  }
}

function ask(doubts: Doubt[]): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = element(
      'dialog.confirm',
      { 'aria-labelledby': 'confirm-title', onkeydown: (event: Event) => event.stopPropagation() },
      element('h2', { id: 'confirm-title' }, 'Accept this mask?'),
      element('p', {}, 'It may be wrong:'),
      element('ul', {}, ...doubts.map((doubt) => element('li', {}, doubt.text))),
      element(
        'form.buttons',
        { method: 'dialog' },
        element('button.primary', { value: '' }, 'Do not accept'),
        element('button', { value: 'yes' }, 'Accept it anyway'),
      ),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

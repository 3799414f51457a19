/**
 * Long names, cut in the middle: what tells scans apart is often at their ends.
 *
 * The element's text is the whole name, which screen readers read and a selection copies. What is
 * seen of it is generated content: a beginning that shrinks, and an end that does not.
 */

import { element } from './element'

/** Characters at the end of a name that are always seen. */
const END = 12
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

export interface Cut {
  head: string
  tail: string
}

/** A name in two parts; at most half of it is in the tail. No character is cut, however it is coded. */
export function cutOf(name: string): Cut {
  const marks = [...graphemes.segment(name)].map(({ segment }) => segment)
  const at = marks.length - Math.min(END, Math.floor(marks.length / 2))
  return { head: marks.slice(0, at).join(''), tail: marks.slice(at).join('') }
}

/** A name that is cut in its middle where there is no room for it. */
export class CutText {
  readonly root: HTMLSpanElement
  private readonly whole = element('span.unseen')

  constructor(name = '') {
    this.root = element('span.cut', { dir: 'auto' }, this.whole)
    this.show(name)
  }

  show(name: string): void {
    if (this.whole.textContent === name && name !== '') return
    const { head, tail } = cutOf(name)
    this.whole.textContent = name
    this.root.dataset.head = head
    this.root.dataset.tail = tail
    this.root.hidden = name === ''
  }
}

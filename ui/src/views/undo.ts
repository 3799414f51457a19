/**
 * A bar that offers for five seconds to take back what was done last: a verdict, or what was done to
 * several jobs. There is one, so that its key and its place have one meaning.
 */

import { CutText } from '../cut_text'
import { element, fill } from '../element'

const SHOWN_MS = 5000

export class UndoBar {
  readonly root = element('div.undo', { role: 'status' })
  private timer = 0
  private action: (() => void) | null = null

  constructor() {
    // A reader who is about to press the button has time to do so.
    for (const event of ['mouseenter', 'focusin']) {
      this.root.addEventListener(event, () => clearTimeout(this.timer))
    }
    for (const event of ['mouseleave', 'focusout']) {
      this.root.addEventListener(event, () => this.wait())
    }
  }

  get offered(): boolean {
    return this.action !== null
  }

  /** `scan`: what it was done to, by its name; empty for several scans. */
  offer(text: string, scan: string, action: () => void): void {
    this.action = action
    fill(
      this.root,
      ...saidOf(text, scan),
      element(
        'button',
        { type: 'button', id: 'undo', onclick: () => this.undo() },
        'Undo',
        element('kbd', { 'aria-hidden': 'true' }, 'U'),
      ),
    )
    this.wait()
  }

  /** Says something that concerns a job which may no longer be on screen. */
  say(text: string, scan: string): void {
    this.action = null
    fill(this.root, ...saidOf(text, scan))
    this.wait()
  }

  undo(): void {
    const { action } = this
    this.clear()
    action?.()
  }

  clear(): void {
    clearTimeout(this.timer)
    this.action = null
    fill(this.root)
  }

  private wait(): void {
    clearTimeout(this.timer)
    this.timer = window.setTimeout(() => this.clear(), SHOWN_MS)
  }
}

/** What was done, and the scan, of whose name the beginning and the end are seen. */
function saidOf(text: string, scan: string): HTMLElement[] {
  const said = element('span.said', {}, text)
  return scan === '' ? [said] : [said, new CutText(scan).root]
}

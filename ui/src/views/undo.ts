/**
 * A bar that offers for five seconds to take back what was done last: a verdict, or what was done to
 * several jobs. There is one, so that its key and its place have one meaning.
 */

import { Countdown } from '../countdown'
import { CutText } from '../cut_text'
import { element, fill } from '../element'

const SHOWN_MS = 5000
const TOO_LATE =
  'It is too late to undo this. To change a verdict, open the scan in the worklist and judge it again.'

export class UndoBar {
  readonly root = element('div.undo', { role: 'status' })
  private readonly countdown = new Countdown(SHOWN_MS, () => this.clear())
  private action: (() => void) | null = null
  /** What was last done, by the name of its scan; null before anything was. */
  private last: string | null = null

  constructor() {
    // A reader who is about to press the button has time to do so.
    for (const event of ['mouseenter', 'focusin']) {
      this.root.addEventListener(event, () => this.countdown.stop())
    }
    for (const event of ['mouseleave', 'focusout']) {
      this.root.addEventListener(event, () => this.countdown.start())
    }
  }

  /** The time begins when this is loaded: a reader sees then that the verdict was a wrong one. */
  waitFor(loaded: Promise<unknown>): Promise<void> {
    return this.countdown.waitFor(loaded)
  }

  /** `scan`: what it was done to, by its name; empty for several scans. */
  offer(text: string, scan: string, action: () => void): void {
    this.action = action
    this.last = scan
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
    this.countdown.start()
  }

  /** Says something that concerns a job which may no longer be on screen. */
  say(text: string, scan: string): void {
    this.action = this.last = null
    this.show(text, scan)
  }

  /** Takes it back, or says that the time for it is over. */
  undo(): void {
    const { action, last } = this
    if (action !== null) {
      this.clear()
      this.last = null
      action()
    } else if (last !== null) this.show(TOO_LATE, last)
  }

  private show(text: string, scan: string): void {
    fill(this.root, ...saidOf(text, scan))
    this.countdown.start()
  }

  private clear(): void {
    this.countdown.stop()
    this.action = null
    fill(this.root)
  }
}

/** What was done, and the scan, of whose name the beginning and the end are seen. */
function saidOf(text: string, scan: string): HTMLElement[] {
  const said = element('span.said', {}, text)
  return scan === '' ? [said] : [said, new CutText(scan).root]
}

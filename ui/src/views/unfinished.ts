/** Says that uploads of this browser are unfinished, and offers to delete them. */

import { element, fill } from '../element'
import { OpenUploads } from '../open_uploads'
import { countText } from '../text'
import { discard } from '../transfer'
import { unfinished } from '../unfinished'

const AGAIN_MS = 5000 // one of another tab may have ended meanwhile

export class UnfinishedNote {
  readonly root = element('div.unfinished', { 'aria-live': 'polite' })
  private looked = ''
  private timer = 0
  private readonly open: OpenUploads

  /** `own`: the ids of the uploads in the list of this tab. */
  constructor(private readonly own: () => string[]) {
    this.open = new OpenUploads(own)
  }

  /** Looks again if there are other uploads than before. */
  show(): void {
    const candidates = this.candidates().join()
    if (candidates === this.looked) return
    this.looked = candidates
    void this.look()
  }

  private candidates(): string[] {
    const own = this.own()
    return unfinished().filter((id) => !own.includes(id))
  }

  /** Those that are in the list of no tab. */
  private async left(): Promise<string[]> {
    if (this.candidates().length === 0) return []
    const listed = await this.open.ofAllTabs()
    return this.candidates().filter((id) => !listed.has(id))
  }

  private async look(): Promise<void> {
    clearTimeout(this.timer)
    const left = await this.left()
    if (left.length < this.candidates().length) {
      this.timer = window.setTimeout(() => void this.look(), AGAIN_MS)
    }
    const seen = left.join()
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    if (left.length === 0) fill(this.root)
    else fill(this.root, element('p.hint', {}, note(left.length)), this.remove(left))
  }

  /** One that was continued in another tab meanwhile is not deleted. */
  private remove(ids: string[]): HTMLButtonElement {
    const onclick = async (): Promise<void> => {
      const left = await this.left()
      await Promise.all(ids.filter((id) => left.includes(id)).map(discard))
      await this.look()
    }
    return element(
      'button.quiet',
      { type: 'button', onclick: () => void onclick() },
      'Delete what was sent',
    )
  }
}

function note(count: number): string {
  const are = count === 1 ? 'is' : 'are'
  return `${countText(count, 'upload')} ${are} not finished. To continue, choose the same files again.`
}

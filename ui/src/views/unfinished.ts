/** Says that uploads of this browser are unfinished, and offers to delete them. */

import { element, fill } from '../element'
import { countText } from '../text'
import { discard } from '../transfer'
import { unfinished } from '../unfinished'

export class UnfinishedNote {
  readonly root = element('div.unfinished', { 'aria-live': 'polite' })

  /** `active`: the ids of the uploads in the list. */
  show(active: (string | null)[]): void {
    const left = unfinished().filter((id) => !active.includes(id))
    const seen = left.join()
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    if (left.length === 0) fill(this.root)
    else fill(this.root, element('p.hint', {}, note(left.length)), this.remove(left))
  }

  private remove(ids: string[]): HTMLButtonElement {
    const onclick = (): void => {
      void Promise.all(ids.map(discard)).then(() => this.show([]))
    }
    return element('button.quiet', { type: 'button', onclick }, 'Delete what was sent')
  }
}

function note(count: number): string {
  const are = count === 1 ? 'is' : 'are'
  return `${countText(count, 'upload')} ${are} not finished. To continue, choose the same files again.`
}

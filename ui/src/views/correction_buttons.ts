/** The buttons of the panel that end a correction. */

import { element } from '../element'

export interface CorrectionEnds {
  save: () => Promise<void>
  keep: () => Promise<void>
  discard: () => Promise<void>
}

export class CorrectionButtons {
  readonly all: HTMLButtonElement[]
  private readonly save: HTMLButtonElement

  constructor({ save, keep, discard }: CorrectionEnds) {
    this.save = action('save-correction', 'Save correction', 'Ctrl + S', save)
    this.save.classList.add('primary')
    const later = 'Leave the correction; it can be continued later'
    this.all = [
      this.save,
      action('keep-draft', 'Keep draft', later, keep),
      action('discard-draft', 'Discard', 'Give up all changes', discard),
    ]
  }

  /** Whether the draft can be saved. */
  set savable(savable: boolean) {
    this.save.disabled = !savable
  }
}

/** Says that the draft went on in another window, whose state `reload` shows. */
export function elsewhereBox(reload: () => Promise<void>): HTMLElement {
  const text =
    'The draft of this correction was changed, saved or discarded in another window. What was painted here since then is not saved.'
  const load = action('load-draft', 'Load the mask as it is now', null, reload)
  return element('div.problem', {}, element('p', {}, text), load)
}

function action(
  id: string,
  label: string,
  title: string | null,
  act: () => Promise<void>,
): HTMLButtonElement {
  return element('button', { type: 'button', id, title, onclick: () => void act() }, label)
}

/** Why a mask is rejected: opened by R, chosen by numbers, sent by Enter. */

import { element } from '../element'
import { REASONS } from '../reasons'
import type { Reason } from '../schemas'
import type { Keys } from '../shortcuts'

export class ReasonChoice {
  readonly root: HTMLFieldSetElement
  private readonly boxes = REASONS.map(([value]) =>
    element('input', { type: 'checkbox', value, id: `reason-${value}` }),
  )

  /** `onReject` is called with the chosen reasons, which may be none. */
  constructor(
    private readonly onReject: (reasons: Reason[]) => void,
    private readonly onClosed: () => void,
  ) {
    const button = (name: string, label: string, key: string, onclick: () => void): HTMLElement =>
      element(
        `button.${name}`,
        { type: 'button', id: `reasons-${name}`, onclick },
        label,
        element('kbd', { 'aria-hidden': 'true' }, key),
      )
    this.root = element(
      'fieldset.reasons',
      { id: 'reasons' },
      element('legend', {}, 'Reasons (optional)'),
      ...this.boxes.map((box, n) =>
        element(
          'label.reason',
          {},
          box,
          element('kbd', { 'aria-hidden': 'true' }, String(n + 1)),
          REASONS[n]![1],
        ),
      ),
      element(
        'div.buttons',
        {},
        button('confirm', 'Reject', 'Enter', () => this.confirm()),
        button('cancel', 'Cancel', 'Esc', () => this.close()),
      ),
    )
    this.root.hidden = true
  }

  get open(): boolean {
    return !this.root.hidden
  }

  show(): void {
    this.root.hidden = false
    this.boxes[0]!.focus()
    this.root.scrollIntoView({ block: 'nearest' })
  }

  close(): void {
    if (!this.open) return
    for (const box of this.boxes) box.checked = false
    this.root.hidden = true
    this.onClosed()
  }

  keys(): Keys {
    const numbers = this.boxes.map((box, n) => [String(n + 1), () => box.click()])
    return {
      ...Object.fromEntries(numbers),
      Escape: () => this.close(),
      ...(document.activeElement?.matches('button, a') ? {} : { Enter: () => this.confirm() }),
    }
  }

  private confirm(): void {
    const chosen = this.boxes.filter((box) => box.checked)
    this.onReject(chosen.map((box) => box.value as Reason))
  }
}

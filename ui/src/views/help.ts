/** The dialog that lists keys and mouse actions. */

import { element } from '../element'
import { COMPARISON_SHORTCUTS, CORRECTION_SHORTCUTS, SHORTCUTS, type Shortcut } from '../shortcuts'

export function helpDialog(): HTMLDialogElement {
  return element(
    'dialog.help',
    { 'aria-labelledby': 'help-title' },
    // First, since the dialog opens where the focus is: not at the end of a long list.
    element(
      'form',
      { method: 'dialog' },
      element('h2', { id: 'help-title' }, 'Keys and mouse'),
      element('button', {}, 'Close'),
    ),
    list(SHORTCUTS),
    element('h3', {}, 'While a mask is corrected'),
    list(CORRECTION_SHORTCUTS),
    element('h3', {}, 'In a comparison'),
    list(COMPARISON_SHORTCUTS),
  )
}

function list(shortcuts: readonly Shortcut[]): HTMLElement {
  return element(
    'dl',
    {},
    ...shortcuts.map(({ shown, does }) =>
      element('div', {}, element('dt', {}, element('kbd', {}, shown)), element('dd', {}, does)),
    ),
  )
}

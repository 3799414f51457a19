/** The dialog that lists keys and mouse actions. */

import { element } from '../element'
import { SHORTCUTS } from '../shortcuts'

export function helpDialog(): HTMLDialogElement {
  return element(
    'dialog.help',
    // The focus is on the dialog: on the button, it would start at the end of a long list.
    { 'aria-labelledby': 'help-title', autofocus: '' },
    element('h2', { id: 'help-title' }, 'Keys and mouse'),
    element(
      'dl',
      {},
      ...SHORTCUTS.map(({ shown, does }) =>
        element('div', {}, element('dt', {}, element('kbd', {}, shown)), element('dd', {}, does)),
      ),
    ),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  )
}

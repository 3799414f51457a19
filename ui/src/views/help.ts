/** The dialog that lists keys and mouse actions. */

import { element } from '../element'
import { SHORTCUTS } from '../shortcuts'

export function helpDialog(): HTMLDialogElement {
  return element(
    'dialog.help',
    { 'aria-labelledby': 'help-title' },
    element('h2', { id: 'help-title' }, 'Keys and mouse'),
    element(
      'dl',
      {},
      ...SHORTCUTS.flatMap(({ shown, does }) => [
        element('dt', {}, element('kbd', {}, shown)),
        element('dd', {}, does),
      ]),
    ),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  )
}

/** The dialog of an account: where somebody is signed in, and another password. */

import { element } from '../element'
import { reader } from '../reader'
import { changePassword } from '../session'
import { NEW_PASSWORD_HINT, PasswordField } from './password_field'
import { SessionList } from './session_list'
import { signInForm } from './sign_in_form'

/** It is part of the page only while it is open: password managers look at all fields. */
export function showAccount(): void {
  const close = (): void => dialog.close()
  const sessions = new SessionList()
  const dialog = element(
    'dialog.account-dialog',
    { 'aria-labelledby': 'account-title' },
    element('h2', { id: 'account-title' }, reader.name),
    sessions.root,
    ...(reader.account?.method === 'password' ? passwordForm(close) : []),
    element('button', { type: 'button', onclick: close }, 'Close'),
  )
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
  void sessions.load()
}

function passwordForm(changed: () => void): HTMLElement[] {
  const current = new PasswordField('current-password', 'Current password', true)
  const password = new PasswordField('changed-password', 'New password', false, NEW_PASSWORD_HINT)
  const form = signInForm(
    [current.root, password.root],
    'Change password',
    () => current.input,
    async () => {
      await changePassword(current.value, password.value)
      changed()
    },
  )
  const hint = 'A new password signs you out in all other browsers.'
  return [element('h3', {}, 'Password'), element('p.hint', {}, hint), form]
}

/** The dialog in which somebody changes the password. */

import { element } from '../element'
import { changePassword } from '../session'
import { NEW_PASSWORD_HINT, PasswordField } from './password_field'
import { signInForm } from './sign_in_form'

/** It is part of the page only while it is open: password managers look at all fields. */
export function askForPassword(): void {
  const current = new PasswordField('current-password', 'Current password', true)
  const password = new PasswordField('changed-password', 'New password', false, NEW_PASSWORD_HINT)
  const form = signInForm(
    [current.root, password.root],
    'Change password',
    () => current.input,
    async () => {
      await changePassword(current.value, password.value)
      dialog.close()
    },
  )
  form.append(element('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'))
  const dialog = element(
    'dialog.password-change',
    { 'aria-labelledby': 'password-title' },
    element('h2', { id: 'password-title' }, 'Change password'),
    element('p.hint', {}, 'You are signed out in all other browsers.'),
    form,
  )
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}

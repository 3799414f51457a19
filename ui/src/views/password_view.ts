/** The page of a setup link: somebody chooses a password, and is signed in. */

import { element } from '../element'
import { setPassword } from '../session'
import { NEW_PASSWORD_HINT, PasswordField } from './password_field'
import { signInForm } from './sign_in_form'

/** `login`: whose link it is; `onSignedIn` is called when that person is signed in. */
export function passwordView(
  link: string,
  login: string,
  onSignedIn: () => Promise<void>,
): HTMLElement {
  const password = new PasswordField('new-password', 'New password', false, NEW_PASSWORD_HINT)
  const name = element('input', {
    type: 'text',
    id: 'setup-login',
    name: 'username',
    autocomplete: 'username',
    readonly: true,
  })
  name.value = login // for password managers
  const form = signInForm(
    [
      element('div.field', {}, element('label', { for: 'setup-login' }, 'Login name'), name),
      password.root,
    ],
    'Set password and sign in',
    () => password.input,
    async () => {
      await setPassword(link, password.value)
      await onSignedIn()
    },
  )
  return element('main.sign-in', {}, element('h1', {}, 'Choose a password'), form)
}

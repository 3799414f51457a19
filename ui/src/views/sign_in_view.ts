/** What the page shows instead of its views to somebody whom the service does not know. */

import { element, fill } from '../element'
import { providerLink } from '../provider'
import * as requests from '../session'
import { PasswordField } from './password_field'
import { signInForm } from './sign_in_form'

const EXPIRED =
  'You were signed out: you did nothing here for a while, or signed out elsewhere. What you typed ' +
  'and drew here is kept until you sign in again.'

export class SignInView {
  readonly root = element('main.sign-in', { hidden: true })
  private readonly login = element('input', {
    type: 'text',
    id: 'login',
    name: 'username',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
    maxlength: 100,
  })
  private readonly password = new PasswordField('password', 'Password', true)

  private readonly provider = element('div.provider', { hidden: true })

  /** `onSignedIn` is called when somebody has signed in. */
  constructor(private readonly onSignedIn: () => Promise<void>) {}

  /** `login`: who was signed in until now; empty: nobody. */
  show(login: string): void {
    if (!this.root.hidden) return
    this.root.hidden = false
    const known = login !== ''
    fill(
      this.root,
      element('h1', { tabindex: -1 }, known ? 'Sign in again' : 'Sign in'),
      known && element('p', { role: 'status' }, EXPIRED),
      ...(window.isSecureContext ? [this.provider, ...this.form()] : [notEncrypted()]),
    )
    void this.offerProvider(known)
    if (known) this.login.value = login
    const first = known ? this.password.input : this.login
    ;(first.isConnected ? first : this.root.querySelector('h1')!).focus()
  }

  hide(): void {
    this.root.hidden = true
    this.password.clear()
  }

  /** `known`: somebody was signed in, whose page stays as it is meanwhile. */
  private async offerProvider(known: boolean): Promise<void> {
    const session = await requests.session().catch(() => null)
    const name = session?.provider ?? null
    this.provider.hidden = name === null
    if (name === null) return
    fill(
      this.provider,
      providerLink(name, known),
      known && element('p.hint', {}, 'This opens another tab. Sign in there, then come back.'),
    )
  }

  private form(): HTMLElement[] {
    const name = element(
      'div.field',
      {},
      element('label', { for: 'login' }, 'Login name'),
      this.login,
    )
    return [
      signInForm(
        [name, this.password.root],
        'Sign in',
        () => this.password.input,
        async () => {
          await requests.signIn(this.login.value, this.password.value)
          await this.onSignedIn()
        },
      ),
      element(
        'p.hint',
        {},
        'An administrator sends you a link with which you choose your password, also if you have ' +
          'forgotten it. Programs use API keys.',
      ),
    ]
  }
}

function notEncrypted(): HTMLElement {
  return element(
    'p',
    {},
    'This page was opened without encryption (http://), so that others on the network could read ' +
      'your password. Open it by https://. If that does not work, ask your administrator.',
  )
}

/** Who is signed in, in which project, and the ways out: at the top of the page. */

import { element, fill } from '../element'
import { pageOf } from '../project'
import { signOutAddress } from '../provider'
import { reader } from '../reader'
import { signOut } from '../session'
import { showAccount } from './account_dialog'

export class AccountBar {
  readonly root = element('div.account', { role: 'group', 'aria-label': 'Account', hidden: true })

  /** `beforeLeaving` sends what is not saved; false: that failed, and the reader stays. */
  constructor(private readonly beforeLeaving: () => Promise<boolean>) {
    reader.onChange(() => this.render())
  }

  private render(): void {
    const { account } = reader
    this.root.hidden = account === null || account.login === ''
    if (account === null || this.root.hidden) return
    fill(
      this.root,
      reader.isNamedByProxy
        ? element('span', { title: 'Signed in by the proxy' }, account.reader)
        : element(
            'button.quiet',
            { type: 'button', title: 'Your account', onclick: showAccount },
            account.reader,
          ),
      this.projects(account.project, account.projects),
      !reader.isNamedByProxy &&
        element('button.quiet', { type: 'button', onclick: () => void this.leave() }, 'Sign out'),
    )
  }

  /** The project, to be changed by somebody with several. Other tabs stay in theirs. */
  private projects(current: string, all: { name: string; role: string }[]): HTMLElement {
    if (all.length < 2) return element('span.project', { title: 'Project' }, current)
    const options = all.map(({ name, role }) =>
      element('option', { value: name, selected: name === current, title: role }, name),
    )
    const choice = element(
      'select',
      {
        'aria-label': 'Project',
        onchange: () => {
          const { value } = choice
          choice.value = current // the page stays in its project until it is left
          location.assign(`${pageOf(value, document.baseURI)}#new`)
        },
      },
      ...options,
    )
    return choice
  }

  private async leave(): Promise<void> {
    if (!(await this.beforeLeaving())) return
    await signOut().catch(() => {}) // without a connection, the session ends by itself
    const home = pageOf('', document.baseURI)
    location.replace(reader.account?.method === 'oidc' ? signOutAddress() : home)
  }
}

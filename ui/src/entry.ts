/** How somebody comes in: by a setup link, by signing in, and into the page of a project. */

import { retryAll } from './correct/open_drafts'
import { element } from './element'
import { recall, remember } from './preferences'
import { pageOf, projectOf } from './project'
import { returnToView } from './provider'
import { reader } from './reader'
import { problemOf } from './requests'
import * as route from './route'
import type { Session } from './schemas'
import * as requests from './session'
import { holdRequests, noteSignedIn, onSignInNeeded } from './sign_in'
import { passwordView } from './views/password_view'
import { SignInView } from './views/sign_in_view'

const LAST = 'project'

export class Entry {
  readonly root = element('div.entry')
  private readonly endedByProxy = endedByProxy()
  private readonly signIn = new SignInView(() => this.enter())

  /** `page`: what has everything; `onReturn`: the person who was signed in is so again. */
  constructor(
    private readonly page: HTMLElement,
    private readonly onReturn: () => void,
  ) {
    this.root.append(this.signIn.root)
    onSignInNeeded(() => this.askToSignIn())
    window.addEventListener('hashchange', () => route.setupLink() !== null && location.reload())
    window.addEventListener('focus', () => void this.lookAgain())
  }

  get isClosed(): boolean {
    return this.page.dataset.signedOut !== undefined
  }

  /** Whether the views may load; else the page shows something else, or goes elsewhere. */
  async open(): Promise<boolean> {
    returnToView()
    const setup = route.setupLink()
    if (setup !== null) {
      this.close()
      this.root.append(passwordView(setup.link, setup.login, () => this.enter()))
      this.root.querySelector<HTMLInputElement>('input[type=password]')?.focus()
      return false
    }
    const status = await reader.load()
    const current = projectOf(document.baseURI)
    if (reader.login !== '') {
      if (!reader.isNamedByProxy) requests.keepRenewing()
      remember(LAST, reader.account!.project)
      if (current === '') return this.go(reader.account!.project)
    }
    if (status === 403) return this.chooseProject()
    return !this.isClosed
  }

  private askToSignIn(): void {
    this.close()
    for (const dialog of document.querySelectorAll('dialog')) dialog.close()
    if (reader.isNamedByProxy) this.root.append(this.endedByProxy)
    else this.signIn.show(reader.login)
  }

  private close(): void {
    holdRequests()
    this.page.dataset.signedOut = ''
  }

  /** Somebody signed in here: the page goes on if it is the same person, and else loads anew. */
  private async enter(): Promise<void> {
    const session = await requests.session()
    if (session.person === null) throw new Error('The browser does not keep the cookie.')
    const stays = session.person.projects.some(({ name }) => name === reader.account?.project)
    if (session.person.login !== reader.login || !stays) {
      if (reader.login === '') this.openProject(session)
      else this.goToProject(session) // the address is that of somebody else
      return
    }
    noteSignedIn()
    delete this.page.dataset.signedOut
    this.signIn.hide()
    retryAll()
    this.onReturn()
  }

  /** The person may have signed in again in another tab. */
  private async lookAgain(): Promise<void> {
    if (!this.isClosed || reader.login === '') return
    const session = await requests.session().catch(() => null)
    if (session?.person?.login === reader.login) await this.enter()
  }

  /** The reader is not in the project of the address, or may not use the service at all. */
  private async chooseProject(): Promise<false> {
    try {
      return this.openProject(await requests.session())
    } catch (error) {
      const { detail, hint } = problemOf(error)
      return this.refuse(notice('You cannot use this service', detail, hint ?? ''))
    }
  }

  /** Goes to the project of the address, or says that it is not one of the person's. */
  private openProject(session: Session): false {
    const [names, current] = [projectsOf(session), projectOf(document.baseURI)]
    if (current === '' || names.length === 0 || names.includes(current)) {
      return this.goToProject(session)
    }
    return this.refuse(noProject(names))
  }

  /** Loads the page of the project in the address, of the last one, or of the first one. */
  private goToProject(session: Session): false {
    const names = projectsOf(session)
    const wanted = [projectOf(document.baseURI), recall(LAST, ''), names[0] ?? '']
    const project = wanted.find((name) => names.includes(name))
    if (project !== undefined) return this.go(project)
    const remedy = 'Ask an administrator to add you to a project, then reload the page.'
    const way = session.person?.method !== 'proxy' && signOutButton()
    return this.refuse(notice('You are in no project', remedy, '', way))
  }

  /** Shows why there is no page. */
  private refuse(reason: HTMLElement): false {
    this.close()
    this.root.replaceChildren(reason)
    return false
  }

  private go(project: string): false {
    const hash = route.setupLink() === null ? location.hash : '#new'
    const page = `${pageOf(project, document.baseURI)}${hash}`
    const isHere = pageOf(project, document.baseURI) === new URL('./', document.baseURI).href
    location.replace(page)
    if (isHere) location.reload() // another fragment alone loads nothing
    return false
  }
}

/** The names of the person's projects; of the only one, where nobody signs in. */
function projectsOf({ accounts, person }: Session): string[] {
  if (!accounts) return ['']
  return person?.projects.map(({ name }) => name) ?? []
}

/** The same whether the project of the address exists or not: the gateway does not say, either. */
function noProject(own: string[]): HTMLElement {
  const links = own.map((name) =>
    element(
      'li',
      {},
      element('a.button', { href: `${pageOf(name, document.baseURI)}#new` }, name || 'Home'),
    ),
  )
  const reason = 'You are not in this project, or there is no such project.'
  const hint = 'Choose one of your projects, or ask an administrator of the project.'
  return notice(
    'No such project',
    reason,
    hint,
    element('ul', { 'aria-label': 'Your projects' }, ...links),
  )
}

function notice(
  title: string,
  reason: string,
  hint: string,
  way: HTMLElement | false = false,
): HTMLElement {
  return element(
    'main.sign-in',
    {},
    element('h1', {}, title),
    element('p', {}, reason),
    hint !== '' && element('p', {}, hint),
    way,
  )
}

function signOutButton(): HTMLElement {
  const leave = (): void => void requests.signOut().finally(() => location.reload())
  return element('button', { type: 'button', onclick: leave }, 'Sign out')
}

function endedByProxy(): HTMLElement {
  const link = element('a', { href: './', target: '_blank' }, 'Open another tab')
  const reason = 'Your sign-in at the proxy in front of this service has ended.'
  const remedy = 'Sign in there in another tab, then come back. What you typed and drew is kept.'
  return notice('You are not signed in any more', reason, remedy, link)
}

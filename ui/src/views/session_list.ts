/** The browsers in which somebody is signed in, each with a way to sign out there. */

import { element, fill } from '../element'
import { problemOf } from '../requests'
import type { SignIn } from '../schemas'
import { endOtherSessions, endSession, sessions } from '../session'
import { timeText } from '../text'
import { problemBox } from './messages'

export class SessionList {
  private readonly rows = element('ul', {})
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private readonly others = element(
    'button',
    { type: 'button', hidden: true, onclick: () => void this.after(endOtherSessions()) },
    'Sign out in all other browsers',
  )
  readonly root = element(
    'section.sessions',
    { 'aria-labelledby': 'sessions-title' },
    element('h3', { id: 'sessions-title' }, 'Signed in'),
    this.rows,
    this.problem,
    this.others,
  )

  load(): Promise<void> {
    return this.after(Promise.resolve())
  }

  /** Shows what is left after a change. */
  private async after(change: Promise<void>): Promise<void> {
    fill(this.problem)
    try {
      await change
    } catch (error) {
      fill(this.problem, problemBox(problemOf(error)))
    }
    try {
      this.show(await sessions())
    } catch (error) {
      fill(this.problem, problemBox(problemOf(error)))
    }
  }

  private show(all: SignIn[]): void {
    fill(this.rows, ...all.map((one) => this.row(one)))
    this.others.hidden = all.length < 2
  }

  private row(one: SignIn): HTMLElement {
    const place = [one.browser || 'Unknown browser', one.address].filter(Boolean).join(', ')
    const times = `used ${timeText(one.used_at)}, signed in ${timeText(one.created_at)}`
    const signOut = (): void => void this.after(endSession(one.id))
    return element(
      'li',
      {},
      element('span', {}, place, one.is_own && element('strong', {}, ' (this browser)')),
      element('span.hint', {}, times),
      !one.is_own &&
        element(
          'button.quiet',
          { type: 'button', 'aria-label': `Sign out: ${place}`, onclick: signOut },
          'Sign out',
        ),
    )
  }
}

/** Who uses this page: the name in reviews and assignments, and what the account may do. */

import * as api from './api'
import { keepFor } from './owner'
import { recall, remember } from './preferences'
import type { Account } from './schemas'

const NAME = 'reviewer'
const AGAIN_MS = 4000 // the gateway did not respond

export type Permission = Account['permissions'][number]

class Reader {
  account: Account | null = null
  /** In each tab its own one: the stored name is that of the tab in which it was given last. */
  private given = recall(NAME, '')
  private listeners: (() => void)[] = []

  /**
   * Asks who the account is; the status of the response if it is an error. Without an answer the
   * page offers everything: the gateway decides.
   */
  async load(): Promise<number> {
    let failed = 200
    this.account = await api.account().catch((error) => {
      failed = api.problemOf(error).status
      if (failed === 0 || failed >= 500) setTimeout(() => void this.load(), AGAIN_MS)
      return null
    })
    keepFor(this.login)
    for (const listener of this.listeners) listener()
    return failed
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Login name of who signed in on this page; empty: nobody did. */
  get login(): string {
    return this.account?.login ?? ''
  }

  /** Whether a proxy says who it is, so that nobody signs in or out on this page. */
  get isNamedByProxy(): boolean {
    return this.account?.method === 'proxy'
  }

  /** Whether the name is that of an account, which the page cannot change. */
  get hasAccount(): boolean {
    return (this.account?.reader ?? '') !== ''
  }

  /** Name of the account, or the one that the reader has given on this page; empty without. */
  get name(): string {
    return this.hasAccount ? this.account!.reader : this.given
  }

  /** Keeps the name that the reader has given. */
  set name(name: string) {
    if (name === this.name || this.hasAccount) return
    this.given = name
    remember(NAME, name)
    for (const listener of this.listeners) listener()
  }

  may(permission: Permission): boolean {
    return this.account?.permissions.includes(permission) ?? true
  }
}

export const reader = new Reader()

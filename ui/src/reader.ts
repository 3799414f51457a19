/** Who uses this page: the name in reviews and assignments, and what the account may do. */

import * as api from './api'
import { recall, remember } from './preferences'
import type { Account } from './schemas'

const NAME = 'reviewer'

class Reader {
  private account: Account | null = null
  private listeners: (() => void)[] = []

  /** Asks who the account is. Without an answer the page offers everything: the gateway decides. */
  async load(): Promise<void> {
    this.account = await api.account().catch(() => null)
    for (const listener of this.listeners) listener()
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Whether the name is that of an account, which the page cannot change. */
  get hasAccount(): boolean {
    return (this.account?.reader ?? '') !== ''
  }

  /** Name of the account, or the one that the reader has given on this page; empty without. */
  get name(): string {
    return this.hasAccount ? this.account!.reader : recall(NAME, '')
  }

  /** Keeps the name that the reader has given. */
  set name(name: string) {
    if (name === this.name || this.hasAccount) return
    remember(NAME, name)
    for (const listener of this.listeners) listener()
  }

  may(permission: Account['permissions'][number]): boolean {
    return this.account?.permissions.includes(permission) ?? true
  }
}

export const reader = new Reader()

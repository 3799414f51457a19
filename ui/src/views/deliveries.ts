/** What of a job goes to which archive: sent on a click, followed until it is there. */

import * as api from '../api'
import { element, fill } from '../element'
import type { Delivery, Format, Peer } from '../wire'
import { problemBox } from './problem'

const LOOK_MS = 2000
const STATE_WORDS = { waiting: 'on its way', sent: 'sent', failed: 'not taken' }

export class Deliveries {
  readonly root = element('section.deliveries', { 'aria-label': 'Deliveries' })
  private readonly list = element('ul')
  private readonly problems = element('div.problems')
  private going = new AbortController()
  private formats: Format[] = []

  clear(): void {
    this.going.abort()
    fill(this.root)
    fill(this.list)
    fill(this.problems)
  }

  /** For a job of a DICOM scan that succeeded; nothing where no archive is set up. */
  async show(job: string): Promise<void> {
    this.clear()
    this.going = new AbortController()
    const { signal } = this.going
    const peers = await api.peers().catch(() => [])
    if (signal.aborted || peers.length === 0) return
    this.formats = await api.formats().catch(() => [])
    if (signal.aborted || this.formats.length === 0) return
    fill(
      this.root,
      element('h2', {}, 'Archive'),
      element('div.actions', {}, ...peers.map((peer) => this.sender(job, peer, signal))),
      this.list,
      this.problems,
    )
    await this.follow(job, signal)
  }

  private sender(job: string, peer: Peer, signal: AbortSignal): HTMLElement {
    const send = element(
      'button.quiet',
      {
        type: 'button',
        onclick: async () => {
          send.disabled = true
          fill(this.problems)
          try {
            const asked = await api.deliver(job, peer.name, this.sent())
            if (signal.aborted) return // another job is on screen by now
            this.render(asked)
            await this.follow(job, signal)
          } catch (error) {
            if (!signal.aborted) fill(this.problems, problemBox(api.problemOf(error)))
          }
          send.disabled = false
        },
      },
      `Send to ${peer.name}`,
    )
    return send
  }

  private async follow(job: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const found = await api.deliveries(job).catch(() => null)
      if (signal.aborted) return
      if (found !== null) this.render(found)
      if (found !== null && !found.some((one) => one.state === 'waiting')) return
      await new Promise((later) => window.setTimeout(later, LOOK_MS))
    }
  }

  /** The formats that are sent on a click. */
  private sent(): string[] {
    return this.formats.filter((one) => one.delivery === 'default').map((one) => one.name)
  }

  private title(name: string): string {
    return this.formats.find((one) => one.name === name)?.title ?? name
  }

  private render(deliveries: Delivery[]): void {
    fill(
      this.list,
      ...deliveries.map((one) =>
        element(
          'li',
          { 'data-state': one.state },
          element('span.name', {}, `${this.title(one.format)} to ${one.to}`),
          element('span.fact', {}, STATE_WORDS[one.state]),
          one.error !== null && element('p.hint', {}, one.error.detail),
        ),
      ),
    )
  }
}

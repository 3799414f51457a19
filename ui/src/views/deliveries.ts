/** Sends a job's results to an archive on a click, and shows the state of each delivery. */

import * as api from '../api'
import { element, fill } from '../element'
import type { Delivery, Format, Peer } from '../schemas'
import { problemBox } from './messages'

const POLL_MS = 2000
const STATE_TEXTS = { waiting: 'waiting', sent: 'sent', failed: 'failed' }

export class Deliveries {
  readonly root = element('section.deliveries', { 'aria-label': 'Deliveries' })
  private readonly list = element('ul')
  private readonly problems = element('div.problems')
  private shown = new AbortController()
  private formats: Format[] = []

  clear(): void {
    this.shown.abort()
    fill(this.root)
    fill(this.list)
    fill(this.problems)
  }

  /** Shows the deliveries of a succeeded job of a DICOM scan, if an archive is configured. */
  async show(job: string): Promise<void> {
    this.clear()
    this.shown = new AbortController()
    const { signal } = this.shown
    const peers = await api.peers().catch(() => [])
    if (signal.aborted || peers.length === 0) return
    this.formats = await api.formats().catch(() => [])
    if (signal.aborted || this.formats.length === 0) return
    fill(
      this.root,
      element('h2', {}, 'Send results'),
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
            const deliveries = await api.deliver(job, peer.name, this.defaultFormats())
            if (signal.aborted) return // another job is on screen
            this.render(deliveries)
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
      const deliveries = await api.deliveries(job).catch(() => null)
      if (signal.aborted) return
      if (deliveries !== null) this.render(deliveries)
      if (deliveries !== null && !deliveries.some((one) => one.state === 'waiting')) return
      await new Promise((later) => window.setTimeout(later, POLL_MS))
    }
  }

  /** The formats that are sent on a click. */
  private defaultFormats(): string[] {
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
          element('span.fact', {}, STATE_TEXTS[one.state]),
          one.error !== null &&
            element('p.hint', {}, [one.error.detail, one.error.hint].join(' ').trim()),
        ),
      ),
    )
  }
}

/** Sends a job's results to an archive on a click, and shows the state of each delivery. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Delivery, Download, Peer, Review } from '../schemas'
import { problemBox } from './messages'

const POLL_MS = 2000
const STATE_TEXTS = { waiting: 'waiting', sent: 'sent', failed: 'failed' }

export class Deliveries {
  readonly root = element('section.deliveries', { 'aria-label': 'Deliveries' })
  private readonly list = element('ul')
  private readonly problems = element('div.problems')
  private shown = new AbortController()
  private files: Download[] = []

  clear(): void {
    this.shown.abort()
    fill(this.root)
    fill(this.list)
    fill(this.problems)
  }

  /** Shows the deliveries of a succeeded job of a DICOM scan, if an archive is configured.
   * `files` are the job's downloads: those of them that can be sent are offered. */
  async show(job: string, files: Download[]): Promise<void> {
    this.clear()
    this.shown = new AbortController()
    const { signal } = this.shown
    this.files = files
    if (this.defaultFormats().length === 0) return
    const may = reader.may('deliveries:write')
    const peers = may ? await api.peers().catch(() => []) : []
    if (signal.aborted || peers.length === 0) return
    const corrected = await this.corrected(job)
    if (signal.aborted) return
    fill(
      this.root,
      element('h2', {}, 'Send results'),
      element(
        'div.actions',
        {},
        ...peers.flatMap((peer) => this.senders(job, peer, corrected, signal)),
      ),
      this.list,
      this.problems,
    )
    await this.follow(job, signal)
  }

  private async corrected(job: string): Promise<string | null> {
    const reviews: Review[] = await api.reviews(job, '').catch(() => [])
    return correctedOf(reviews)
  }

  private senders(
    job: string,
    peer: Peer,
    corrected: string | null,
    signal: AbortSignal,
  ): HTMLElement[] {
    if (corrected === null) return [this.sender(job, peer, null, `Send to ${peer.name}`, signal)]
    return [
      this.sender(job, peer, corrected, `Send corrected mask to ${peer.name}`, signal),
      this.sender(job, peer, null, `Send original mask to ${peer.name}`, signal),
    ]
  }

  private sender(
    job: string,
    peer: Peer,
    review: string | null,
    text: string,
    signal: AbortSignal,
  ): HTMLElement {
    const send = element(
      'button.quiet',
      {
        type: 'button',
        onclick: async () => {
          send.disabled = true
          fill(this.problems)
          try {
            const deliveries = await api.deliver(job, peer.name, this.defaultFormats(), review)
            if (signal.aborted) return // another job is on screen
            this.render(deliveries)
            await this.follow(job, signal)
          } catch (error) {
            if (!signal.aborted) fill(this.problems, problemBox(api.problemOf(error)))
          }
          send.disabled = false
        },
      },
      text,
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
    return this.files.filter((one) => one.delivery === 'default').map((one) => one.format)
  }

  private title(name: string): string {
    return this.files.find((one) => one.format === name)?.title ?? name
  }

  private text(delivery: Delivery): string {
    const corrected = delivery.review === null ? '' : ' of the corrected mask'
    return `${this.title(delivery.format)}${corrected} to ${delivery.to}`
  }

  private render(deliveries: Delivery[]): void {
    fill(
      this.list,
      ...deliveries.map((one) =>
        element(
          'li',
          { 'data-state': one.state },
          element('span.name', {}, this.text(one)),
          element('span.fact', {}, STATE_TEXTS[one.state]),
          one.error !== null &&
            element('p.hint', {}, [one.error.detail, one.error.hint].join(' ').trim()),
        ),
      ),
    )
  }
}

/**
 * The newest review that counts and has a corrected mask; null where there is none. `reviews`: of a
 * job, oldest first. Where readers differed, only the newest decision counts.
 */
export function correctedOf(
  reviews: Pick<Review, 'id' | 'mask_format' | 'role' | 'withdrawn_at'>[],
): string | null {
  const standing = reviews.filter((one) => one.withdrawn_at === null && one.role !== 'surplus')
  const decisions = standing.filter((one) => one.role === 'adjudication')
  const counted = decisions.length > 0 ? decisions.slice(-1) : standing
  return counted.filter((one) => one.mask_format !== null).at(-1)?.id ?? null
}

/** A job's position in the queue, its progress or its error, with the possible action. */

import * as api from '../api'
import { element, fill } from '../element'
import { type Permission, reader } from '../reader'
import { finished, type Job } from '../schemas'
import { countText, etaText, stateText } from '../text'
import { problemBox } from './messages'

export class Banner {
  readonly root = element('div.banner', { 'aria-live': 'polite' })

  /** `onChange` is called with the job after an action, or with null if the action failed. */
  constructor(private readonly onChange: (job: Job | null) => void) {}

  clear(): void {
    delete this.root.dataset.seen
    fill(this.root)
  }

  show(job: Job): void {
    const eta = etaText(job)
    const seen = JSON.stringify([
      job.state,
      job.progress,
      job.waiting_for,
      job.place_in_queue,
      job.no_worker,
      job.attempt,
      eta,
      job.error,
    ])
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    this.root.dataset.state = job.state
    const again = this.action('jobs:create', 'Run again', () => api.retry(job.id))
    if (job.state === 'succeeded') fill(this.root)
    else if (job.state === 'failed' && job.error !== null)
      fill(this.root, problemBox(job.error, ...again))
    else if (finished(job)) fill(this.root, element('p', {}, `This job ${endText(job)}.`), ...again)
    else
      fill(
        this.root,
        ...waiting(job, eta),
        ...this.action('jobs:cancel', 'Cancel', () => api.cancel(job.id)),
      )
  }

  /** The button, if this reader may do it. */
  private action(needed: Permission, label: string, send: () => Promise<Job>): HTMLButtonElement[] {
    if (!reader.may(needed)) return []
    const button = element('button', { type: 'button', onclick: () => void run() }, label)
    const run = async (): Promise<void> => {
      button.disabled = true
      try {
        this.onChange(await send())
      } catch (error) {
        button.replaceWith(problemBox(api.problemOf(error)))
        this.onChange(null)
      }
    }
    return [button]
  }
}

function endText(job: Job): string {
  return job.state === 'failed' ? 'failed' : 'was cancelled'
}

function waiting(job: Job, eta: string): HTMLElement[] {
  const { tiles_done: done, tiles_total: total, fraction } = job.progress
  const parts = [capital(stateText(job))]
  if (job.no_worker) parts.push(`no running worker serves the queue “${job.queue}”`)
  if (job.progress.preparing) parts.push('usually only the first job of a model waits for this')
  if (job.state === 'running' && total > 0) parts.push(`${done} of ${countText(total, 'tile')}`)
  if (job.attempt > 1) parts.push(`attempt ${job.attempt}`)
  if (eta !== '') parts.push(eta)
  const text = element('p', {}, parts.join('  ·  '))
  if (job.state === 'queued') return [text]
  const bar = element('progress', { max: 1, 'aria-label': 'Progress of this job' })
  if (total > 0) bar.value = fraction
  return [text, bar]
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

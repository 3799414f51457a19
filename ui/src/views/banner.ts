/** What a job is waiting for, how far it is, or why it ended; with what can be done about it. */

import * as api from '../api'
import { element, fill } from '../element'
import { etaWord, stateWord } from '../words'
import { finished, type Job } from '../wire'
import { problemBox } from './problem'

export class Banner {
  readonly root = element('div.banner', { 'aria-live': 'polite' })

  /** `onChange` hears the job as it is after an action, or null where the action was refused. */
  constructor(private readonly onChange: (job: Job | null) => void) {}

  clear(): void {
    delete this.root.dataset.seen
    fill(this.root)
  }

  show(job: Job): void {
    const eta = etaWord(job.eta)
    const seen = JSON.stringify([
      job.state,
      job.progress,
      job.place_in_queue,
      job.attempt,
      eta,
      job.error,
    ])
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    this.root.dataset.state = job.state
    const again = (): HTMLButtonElement => this.action('Run it again', () => api.retry(job.id))
    if (job.state === 'succeeded') fill(this.root)
    else if (job.state === 'failed' && job.error !== null)
      fill(this.root, problemBox(job.error, again()))
    else if (finished(job)) fill(this.root, element('p', {}, `This job ${endWord(job)}.`), again())
    else
      fill(
        this.root,
        ...waiting(job, eta),
        this.action('Cancel', () => api.cancel(job.id)),
      )
  }

  private action(label: string, ask: () => Promise<Job>): HTMLButtonElement {
    const button = element('button', { type: 'button', onclick: () => void run() }, label)
    const run = async (): Promise<void> => {
      button.disabled = true
      try {
        this.onChange(await ask())
      } catch (error) {
        button.replaceWith(problemBox(api.problemOf(error)))
        this.onChange(null)
      }
    }
    return button
  }
}

function endWord(job: Job): string {
  return job.state === 'failed' ? 'failed' : 'was cancelled'
}

function waiting(job: Job, eta: string): HTMLElement[] {
  const { tiles_done: done, tiles_total: total, fraction } = job.progress
  const words = [job.state === 'queued' ? capital(stateWord(job)) : 'Segmenting']
  if (job.state === 'running' && total > 0)
    words.push(`${done} of ${total} ${total === 1 ? 'tile' : 'tiles'}`)
  if (job.attempt > 1) words.push(`attempt ${job.attempt}, since a worker was lost`)
  if (eta !== '') words.push(eta)
  const text = element('p', {}, words.join('  ·  '))
  if (job.state === 'queued') return [text]
  const bar = element('progress', { max: 1, 'aria-label': 'Progress of this job' })
  if (total > 0) bar.value = fraction
  return [text, bar]
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

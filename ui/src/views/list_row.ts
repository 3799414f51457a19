/** One row of the worklist. */

import { element } from '../element'
import { hashOf } from '../route'
import type { Job } from '../schemas'
import { countText, etaText, modelText, shortTimeText, stateText, timeText } from '../text'

export class ListRow {
  readonly root: HTMLLIElement
  readonly link: HTMLAnchorElement
  private readonly name = element('span.name')
  private readonly when = element('span.when')
  private readonly model = element('span.model')
  private readonly state = element('span.state')
  private readonly warnings = element('span.warnings')
  private readonly bar = element('progress', { max: 1 })
  private seen = ''

  constructor() {
    this.link = element(
      'a',
      { tabindex: -1 },
      element('span.line', {}, this.name, this.when),
      element('span.line', {}, this.model, this.warnings, this.state),
      this.bar,
    )
    this.root = element('li', {}, this.link)
  }

  /** `top`: in pixels from the start of the list. */
  place(row: number, total: number, top: number): void {
    this.root.style.transform = `translateY(${top}px)`
    this.root.setAttribute('aria-posinset', String(row + 1))
    this.root.setAttribute('aria-setsize', String(total))
  }

  /** Shows the job, or that it has not arrived yet. */
  show(job: Job | undefined, selected: boolean, reachable: boolean): void {
    this.link.tabIndex = reachable ? 0 : -1
    const eta = job === undefined || !isOpen(job) ? '' : etaText(job)
    const seen = JSON.stringify([job, selected, eta])
    if (seen === this.seen) return
    this.seen = seen
    this.root.setAttribute('aria-busy', String(job === undefined))
    if (selected) this.link.setAttribute('aria-current', 'page')
    else this.link.removeAttribute('aria-current')
    if (job === undefined) this.blank()
    else this.fill(job, eta)
  }

  private blank(): void {
    for (const part of [this.when, this.model, this.state, this.warnings]) part.textContent = ''
    this.name.textContent = 'Loading …'
    this.bar.hidden = true
    this.link.removeAttribute('href')
    this.link.title = ''
    delete this.root.dataset.job
    this.root.dataset.state = ''
    this.root.dataset.verdict = ''
  }

  private fill(job: Job, eta: string): void {
    const state = stateText(job)
    this.link.href = hashOf({ page: 'job', id: job.id })
    this.link.title = titleOf(job)
    this.name.textContent = job.scan_name
    this.when.textContent = shortTimeText(job.created_at)
    this.model.textContent = [job.modality ?? [], modelText(job)].flat().join(' · ')
    this.state.textContent = eta === '' ? state : `${state}, ${eta}`
    this.warnings.textContent = job.warnings === 0 ? '' : `⚠ ${job.warnings}`
    this.warnings.setAttribute('aria-label', countText(job.warnings, 'warning'))
    this.warnings.hidden = job.warnings === 0
    this.root.dataset.job = job.id
    this.root.dataset.state = job.state
    this.root.dataset.verdict = job.verdict ?? ''
    this.bar.hidden = job.state !== 'running'
    this.bar.value = job.progress.fraction
    this.bar.setAttribute('aria-label', `Progress of ${job.scan_name}`)
  }
}

function isOpen(job: Job): boolean {
  return job.state === 'running' || job.state === 'queued'
}

function titleOf(job: Job): string {
  const lines = [job.scan_name, `requested ${timeText(job.created_at)}`]
  if (job.verdict !== null && job.reviewer !== null) lines.push(`${job.verdict} by ${job.reviewer}`)
  if (job.warnings > 0) lines.push(countText(job.warnings, 'warning'))
  return lines.join('\n')
}

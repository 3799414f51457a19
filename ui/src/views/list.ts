/** The worklist: one row for each job, newest first. */

import { element } from '../element'
import { hashOf } from '../route'
import type { Job } from '../schemas'
import { countText, etaText, stateText, timeText } from '../text'
import type { Worklist } from '../worklist'

const FILTERS: [string, string, (job: Job) => boolean][] = [
  ['all', 'All jobs', () => true],
  ['open', 'Waiting or running', (job) => job.state === 'queued' || job.state === 'running'],
  ['review', 'To review', (job) => job.state === 'succeeded' && job.verdict === null],
  ['reviewed', 'Reviewed', (job) => job.verdict !== null],
  ['failed', 'Failed or cancelled', (job) => job.state === 'failed' || job.state === 'cancelled'],
]

export class ListView {
  readonly root: HTMLElement
  private readonly rows = new Map<string, Row>()
  private readonly list = element('ol.jobs')
  private readonly note = element('p.empty')
  private readonly count = element('span.count')
  private readonly older: HTMLButtonElement
  private readonly filter: HTMLSelectElement

  constructor(private readonly worklist: Worklist) {
    this.filter = element(
      'select',
      { 'aria-label': 'Filter', onchange: () => this.render() },
      ...FILTERS.map(([value, label]) => element('option', { value }, label)),
    )
    this.older = element(
      'button.quiet',
      { type: 'button', hidden: true, onclick: () => void worklist.older().catch(() => {}) },
      'Show older jobs',
    )
    this.root = element(
      'nav.worklist',
      { 'aria-label': 'Worklist' },
      element('header', {}, element('h2', {}, 'Worklist ', this.count), this.filter),
      element('div.scroll', {}, this.list, this.note, this.older),
    )
    worklist.onChange(() => this.render())
    setInterval(() => this.render(), 1000) // the estimates count down
  }

  /** The jobs in the order of the list. */
  get listed(): Job[] {
    const keep = FILTERS.find(([value]) => value === this.filter.value)![2]
    return this.worklist.jobs.filter((job) => keep(job) || job.id === this.worklist.selected)
  }

  render(): void {
    const jobs = this.listed
    const waiting = this.worklist.jobs.filter(
      (job) => job.state === 'succeeded' && job.verdict === null,
    )
    this.count.textContent =
      waiting.length > 0 ? countText(waiting.length, 'to review', 'to review') : ''
    for (const [n, job] of jobs.entries()) this.place(job, n)
    const ids = new Set(jobs.map((job) => job.id))
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue
      row.root.remove()
      this.rows.delete(id)
    }
    this.note.hidden = jobs.length > 0
    this.note.textContent = this.emptyText()
    this.older.hidden = !this.worklist.hasOlder
  }

  private place(job: Job, n: number): void {
    let row = this.rows.get(job.id)
    if (row === undefined) this.rows.set(job.id, (row = new Row(job)))
    row.update(job, job.id === this.worklist.selected)
    if (this.list.children[n] !== row.root)
      this.list.insertBefore(row.root, this.list.children[n] ?? null)
  }

  private emptyText(): string {
    if (!this.worklist.loaded) return 'Loading …'
    if (this.worklist.jobs.length > 0) return 'No job matches this filter.'
    return 'No jobs yet. Jobs are listed here with their progress and their verdict.'
  }
}

class Row {
  readonly root: HTMLLIElement
  private readonly link: HTMLAnchorElement
  private readonly name = element('span.name')
  private readonly model = element('span.model')
  private readonly state = element('span.state')
  private readonly when = element('span.when')
  private readonly bar = element('progress', { max: 1 })
  private readonly eta = element('span.eta')
  private seen = ''

  constructor(job: Job) {
    this.link = element(
      'a',
      { href: hashOf({ page: 'job', id: job.id }) },
      element('span.line', {}, this.name, this.when),
      element('span.line', {}, this.model, this.state),
      element('span.line', {}, this.bar, this.eta),
    )
    this.root = element('li', { 'data-job': job.id }, this.link)
  }

  update(job: Job, selected: boolean): void {
    const eta = job.state === 'running' || job.state === 'queued' ? etaText(job) : ''
    const seen = JSON.stringify([job, selected, eta])
    if (seen === this.seen) return
    this.seen = seen
    this.name.textContent = job.scan_name
    this.link.title = job.scan_name
    this.model.textContent = job.model
    this.when.textContent = timeText(job.created_at)
    this.state.textContent = stateText(job)
    this.eta.textContent = eta
    this.eta.hidden = eta === ''
    this.root.dataset.state = job.state
    this.root.dataset.verdict = job.verdict ?? ''
    this.bar.hidden = job.state !== 'running'
    this.bar.value = job.progress.fraction
    this.bar.setAttribute('aria-label', `Progress of ${job.scan_name}`)
    if (selected) this.link.setAttribute('aria-current', 'page')
    else this.link.removeAttribute('aria-current')
    if (selected) this.root.scrollIntoView({ block: 'nearest' })
  }
}

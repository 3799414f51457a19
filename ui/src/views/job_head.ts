/** The heading of a job: its scan, its state, its model, and what can be done with the scan. */

import { element, fill } from '../element'
import { finished, type Job, type Model, type Scan } from '../schemas'
import { modelText, shapeText, spacingText, stateText, timeText } from '../text'

export class JobHead {
  readonly root = element('header.job')

  constructor(
    private readonly onReuse: (scan: Scan) => void,
    private readonly onDelete: (scan: Scan) => void,
  ) {}

  clear(): void {
    delete this.root.dataset.seen
    fill(this.root)
  }

  show(job: Job, scan: Scan | null, model: Model | undefined): void {
    const seen = JSON.stringify([job.state, job.verdict, scan?.id, model?.name])
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    const facts = [
      modelText(job, model?.title) + (job.uploaded ? '' : `, version ${job.model_version}`),
      scan === null ? '' : shapeText(scan),
      scan === null ? '' : spacingText(scan),
      `${job.uploaded ? 'stored' : 'requested'} ${timeText(job.created_at)}`,
    ]
    fill(
      this.root,
      element(
        'div.title',
        {},
        element('h1', { title: job.scan_name }, job.scan_name),
        element(
          'span.pill',
          { 'data-state': job.state, 'data-verdict': job.verdict ?? '', id: 'pill' },
          pillText(job),
        ),
        element('p.facts', {}, facts.filter((fact) => fact !== '').join('  ·  ')),
      ),
      element('div.actions', {}, ...(scan !== null && finished(job) ? this.buttons(scan) : [])),
    )
  }

  private buttons(scan: Scan): HTMLButtonElement[] {
    const button = (label: string, onclick: () => void): HTMLButtonElement =>
      element('button.quiet', { type: 'button', onclick }, label)
    return [
      button('Use this scan again', () => this.onReuse(scan)),
      button('Delete scan …', () => this.onDelete(scan)),
    ]
  }
}

/** The state, without the place in the queue. */
function pillText(job: Job): string {
  return job.state === 'queued' ? 'waiting' : stateText(job)
}

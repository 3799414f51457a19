/** The heading of a job: its scan, its state, its model, and what can be done with the scan. */

import { CutText } from '../cut_text'
import { element, fill } from '../element'
import { reader } from '../reader'
import { comparing, hashOf } from '../route'
import { roveToolbar } from '../roving'
import { finished, type Job, type Model, type Scan } from '../schemas'
import { modelText, shapeText, spacingText, stateText, timeText } from '../text'

export class JobHead {
  readonly root = element('header.job')

  constructor(
    private readonly onReuse: (scan: Scan) => void,
    private readonly onDelete: (scan: Scan) => void,
    private readonly onAssign: (job: Job) => void,
  ) {
    reader.onChange(() => delete this.root.dataset.seen) // what the account may do
  }

  clear(): void {
    delete this.root.dataset.seen
    fill(this.root)
  }

  /** `grey`: whether an image is known to be grey. */
  show(job: Job, scan: Scan | null, model: Model | undefined, grey: boolean): void {
    const seen = JSON.stringify([
      ...[job.state, job.verdict, job.assignee, job.unusual_sizes, job.second_reading],
      ...[scan?.id, model?.name, grey],
    ])
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    const facts = [
      scan?.subject ?? '',
      modelText(job, model?.title) + (job.uploaded ? '' : `, version ${job.model_version}`),
      scan === null ? '' : shapeText(scan, grey),
      scan === null ? '' : spacingText(scan),
      `${job.uploaded ? 'stored' : 'requested'} ${timeText(job.created_at)}`,
      job.assignee === null ? '' : `assigned to ${job.assignee}`,
    ]
    fill(
      this.root,
      element(
        'div.title',
        {},
        element('h1', { title: job.scan_name }, new CutText(job.scan_name).root),
        element(
          'span.pill',
          { 'data-state': job.state, 'data-verdict': job.verdict ?? '', id: 'pill' },
          pillText(job),
        ),
        element('p.facts', {}, facts.filter((fact) => fact !== '').join('  ·  ')),
      ),
      toolbar(this.actions(job, scan)),
    )
  }

  private actions(job: Job, scan: Scan | null): HTMLElement[] {
    const button = (label: string, onclick: () => void): HTMLButtonElement =>
      element('button.quiet', { type: 'button', onclick }, label)
    const assign = button('Assign …', () => this.onAssign(job))
    return [
      ...(job.state === 'succeeded' ? [compareLink(job)] : []),
      ...(reader.may('jobs:assign') ? [assign] : []),
      ...(scan !== null && finished(job) ? this.ofScan(scan, button) : []),
    ]
  }

  private ofScan(
    scan: Scan,
    button: (label: string, onclick: () => void) => HTMLButtonElement,
  ): HTMLButtonElement[] {
    const again = button('Use this scan again', () => this.onReuse(scan))
    const remove = button('Delete scan …', () => this.onDelete(scan))
    return [
      ...(reader.may('jobs:create') ? [again] : []),
      ...(reader.may('scans:delete') ? [remove] : []),
    ]
  }
}

/** One tab stop: arrow keys move between the actions. */
function toolbar(actions: HTMLElement[]): HTMLElement {
  const root = element('div.actions', { role: 'toolbar', 'aria-label': 'This job' }, ...actions)
  roveToolbar(root)
  return root
}

function compareLink({ id }: Job): HTMLElement {
  return element(
    'a.button.quiet',
    { href: hashOf(comparing({ job: id, review: null })), title: 'Compare (Y)' },
    'Compare',
    element('kbd', { 'aria-hidden': 'true' }, 'Y'),
  )
}

/** The state, without the place in the queue. */
function pillText(job: Job): string {
  return job.state === 'queued' ? 'waiting' : stateText(job)
}

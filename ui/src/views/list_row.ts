/** One row of the worklist. */

import { CutText } from '../cut_text'
import { element } from '../element'
import { hashOf } from '../route'
import type { Job } from '../schemas'
import {
  countText,
  modelText,
  scanText,
  shortStateText,
  shortTimeText,
  shortUnusualText,
  stateText,
  timeText,
  unusualText,
} from '../text'

export class ListRow {
  readonly root: HTMLLIElement
  readonly link: HTMLAnchorElement
  /** The patient's pseudonym; hidden where the scan has none. */
  private readonly subject = new CutText()
  private readonly name = new CutText()
  private readonly when = element('span.when')
  private readonly model = element('span.model')
  private readonly state = element('span.state')
  private readonly warnings = element('span.warnings', { role: 'img' })
  /** The sign of the bar over the image that says why the mask may be wrong. */
  private readonly doubts = element('span.doubted', { role: 'img', hidden: true }, '!')
  private readonly draft = element(
    'span.draft',
    { hidden: true, title: 'Your correction of this mask is not saved' },
    'draft',
  )
  private readonly bar = element('progress', { max: 1, hidden: true })
  private readonly box = element('input', { type: 'checkbox', tabindex: -1, disabled: true })
  private job: Job | null | undefined = null
  private seen = ''
  private at = [-1, -1]

  constructor() {
    this.link = element(
      'a',
      { tabindex: -1 },
      ...[this.subject.root, this.name.root, this.when],
      ...[this.model, this.draft, this.doubts, this.warnings, this.state],
      this.bar,
    )
    this.subject.root.classList.add('subject')
    this.name.root.classList.add('name')
    this.root = element('li', {}, this.link, this.box)
  }

  /** `top`: in pixels from the start of the list. */
  place(row: number, total: number, top: number): void {
    if (row !== this.at[0]) {
      this.root.style.transform = `translateY(${top}px)`
      this.root.setAttribute('aria-posinset', String(row + 1))
    }
    if (total !== this.at[1]) this.root.setAttribute('aria-setsize', String(total))
    this.at = [row, total]
  }

  /** Shows the job, or that it has not arrived yet. */
  show(job: Job | undefined, { selected, reachable, chosen, drafted }: RowState): void {
    const state = job === undefined ? '' : `${shortStateText(job)}${readerText(job)}`
    const seen = `${selected} ${reachable} ${chosen} ${drafted} ${state}`
    this.box.checked = chosen // a click changes it by itself
    if (seen !== this.seen) {
      this.seen = seen
      this.link.tabIndex = reachable ? 0 : -1
      if (selected) this.link.setAttribute('aria-current', 'page')
      else this.link.removeAttribute('aria-current')
      this.root.classList.toggle('chosen', chosen)
      this.draft.hidden = !drafted
    } else if (job === this.job) return
    this.job = job
    if (job === undefined) this.blank()
    else this.fill(job, state)
  }

  private blank(): void {
    this.root.setAttribute('aria-busy', 'true')
    this.box.disabled = true
    this.box.removeAttribute('aria-label')
    for (const part of [this.when, this.model, this.state, this.warnings]) part.textContent = ''
    this.doubts.hidden = true
    this.subject.show('')
    this.link.classList.remove('identified')
    this.name.show('Loading …')
    this.bar.hidden = true
    this.link.removeAttribute('href')
    this.link.title = ''
    delete this.root.dataset.job
    this.root.dataset.state = ''
    this.root.dataset.verdict = ''
    this.root.dataset.reading = ''
  }

  private fill(job: Job, state: string): void {
    this.root.setAttribute('aria-busy', 'false')
    this.box.disabled = false
    this.box.setAttribute('aria-label', `Choose ${scanText(job)}`)
    this.link.href = hashOf({ page: 'job', id: job.id })
    this.link.title = titleOf(job)
    this.subject.show(job.subject ?? '')
    this.link.classList.toggle('identified', job.subject !== null)
    this.name.show(job.scan_name)
    this.when.textContent = shortTimeText(job.created_at)
    this.model.textContent = kindText(job)
    this.state.textContent = state
    this.fillWarnings(job)
    this.root.dataset.job = job.id
    this.root.dataset.state = job.state
    this.root.dataset.verdict = job.verdict ?? ''
    this.root.dataset.reading = job.second_reading?.state ?? ''
    this.bar.hidden = job.state !== 'running'
    this.bar.value = job.progress.fraction
    this.bar.setAttribute('aria-label', `Progress of ${scanText(job)}`)
  }

  /** The label of the most unusual size, and the number of warnings. */
  private fillWarnings(job: Job): void {
    const reasons = reasonsOf(job)
    const [unusual] = job.unusual_sizes
    const shown = [
      unusual !== undefined && shortUnusualText(unusual),
      job.warnings > 0 && String(job.warnings),
    ].filter((part) => part !== false)
    this.warnings.textContent = shown.length === 0 ? '' : `⚠ ${shown.join(' · ')}`
    this.warnings.setAttribute('aria-label', reasons.join(', '))
    this.warnings.hidden = reasons.length === 0
    this.doubts.hidden = job.doubts === 0
    this.doubts.setAttribute('aria-label', doubtsText(job))
    this.root.classList.toggle('odd', reasons.length > 0 || job.doubts > 0)
  }
}

/** How a row is shown, beside its job. */
export interface RowState {
  /** Its job is on screen. */
  selected: boolean
  /** Tab leads to it. */
  reachable: boolean
  /** The reader has chosen it, to do the same to several jobs. */
  chosen: boolean
  /** The reader has a correction of it that is not saved. */
  drafted: boolean
}

/** Who judged or corrected it last. */
function readerText({ verdict, reviewer }: Job): string {
  return verdict === null || reviewer === null ? '' : ` by ${reviewer}`
}

/** Who is to judge it, its modality and model, and the day of its study: the first are always seen. */
function kindText(job: Job): string {
  const whose = job.assignee === null ? null : `for ${job.assignee}`
  return [whose, job.modality, modelText(job), job.study_date]
    .filter((part) => part !== null)
    .join(' · ')
}

function doubtsText({ doubts }: Job): string {
  return `the mask may be wrong: ${countText(doubts, 'reason')}`
}

/** Why the mask should be looked at. */
function reasonsOf(job: Job): string[] {
  const warnings = job.warnings > 0 ? [countText(job.warnings, 'warning')] : []
  return [...job.unusual_sizes.map(unusualText), ...warnings]
}

function titleOf(job: Job): string {
  const lines = [scanText(job)]
  if (job.study_date !== null) lines.push(`study of ${job.study_date}`)
  lines.push(`${job.uploaded ? 'stored' : 'requested'} ${timeText(job.created_at)}`)
  if (job.uploaded) lines.push(modelText(job))
  if (job.state === 'queued') lines.push(stateText(job))
  if (job.verdict !== null && job.reviewer !== null) lines.push(`${job.verdict}${readerText(job)}`)
  if (job.assignee !== null) lines.push(`assigned to ${job.assignee}`)
  if (job.doubts > 0) lines.push(doubtsText(job))
  lines.push(...reasonsOf(job))
  return lines.join('\n')
}

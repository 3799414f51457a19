/** The dialog that says what a verdict on many jobs will do, and gives it. */

import * as api from '../api'
import { type BatchPlan, planOf } from '../batch_plan'
import { element, fill } from '../element'
import { randomId } from '../random_id'
import { reader } from '../reader'
import { REASONS } from '../reasons'
import type { BatchReview, Job, NewBatchReview, Reason } from '../schemas'
import { countText, scanText } from '../text'
import { problemBox } from './messages'

type BatchVerdict = NewBatchReview['verdict']

export class BatchDialog {
  readonly root: HTMLDialogElement
  private jobs: Job[] = []
  private sending = false
  private verdict: BatchVerdict = 'accepted'
  /** One for each attempt to do the same, so that none is done twice. */
  private attempt = { body: '', key: '' }
  private readonly title = element('h2', { id: 'batch-title' })
  private readonly plan = element('ul.plan', { id: 'batch-plan', 'aria-live': 'polite' })
  private readonly doubts = option('batch-doubts', () => this.show())
  private readonly replace = option('batch-replace', () => this.show())
  private readonly boxes = REASONS.map(([value]) => element('input', { type: 'checkbox', value }))
  private readonly reasons = element(
    'fieldset.reasons',
    {},
    element('legend', {}, 'Reasons (optional)'),
    ...this.boxes.map((box, n) => element('label.reason', {}, box, REASONS[n]![1])),
  )
  private readonly comment = element('textarea', {
    id: 'batch-comment',
    rows: 2,
    maxlength: 10_000,
  })
  private readonly name = element('input', {
    type: 'text',
    id: 'batch-reviewer',
    maxlength: 200,
    autocomplete: 'name',
  })
  private readonly named = element(
    'div',
    {},
    element('label', { for: 'batch-reviewer' }, 'Your name (optional)'),
    this.name,
  )
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private readonly cancel = element(
    'button',
    { type: 'button', onclick: () => this.root.close() },
    'Cancel',
  )
  private readonly confirm = element('button.primary', {})

  /**
   * `onDone` is called with what became of each job. `isDrafted`: whether the reader has a
   * correction of it that is not saved.
   */
  constructor(
    private readonly onDone: (result: BatchReview, verdict: BatchVerdict) => void,
    private readonly isDrafted: (job: Job) => boolean,
  ) {
    this.root = element(
      'dialog.batch',
      { 'aria-labelledby': 'batch-title', 'aria-describedby': 'batch-plan' },
      this.title,
      element(
        'form.text',
        {
          onsubmit: (event: Event) => {
            event.preventDefault()
            void this.give()
          },
        },
        this.plan,
        this.replace.root,
        this.doubts.root,
        this.reasons,
        element('label', { for: 'batch-comment' }, 'Comment for all of them (optional)'),
        this.comment,
        this.named,
        this.problem,
        element('div.buttons', {}, this.cancel, this.confirm),
      ),
    )
  }

  /** Says what would be done, and asks. */
  ask(jobs: Job[], verdict: BatchVerdict): void {
    this.jobs = jobs
    this.verdict = verdict
    this.sending = false
    for (const box of [...this.boxes, this.doubts.box, this.replace.box]) box.checked = false
    this.comment.value = ''
    this.name.value = reader.name
    this.named.hidden = reader.hasAccount
    this.reasons.hidden = verdict !== 'rejected'
    fill(this.problem)
    this.show()
    this.root.showModal()
    this.cancel.focus() // `autofocus` would ask for it when the page is loaded
  }

  private get planned(): BatchPlan {
    const [withDoubts, replace] = [this.doubts.box.checked, this.replace.box.checked]
    return planOf(this.jobs, {
      verdict: this.verdict,
      withDoubts,
      replace,
      isDrafted: this.isDrafted,
    })
  }

  private show(): void {
    const { judged, unfinished, read, drafted, reviewed, doubted } = this.planned
    const verb = this.verdict === 'accepted' ? 'Accept' : 'Reject'
    const [only, ...others] = this.jobs
    const what =
      only !== undefined && others.length === 0
        ? scanText(only)
        : countText(this.jobs.length, 'job')
    this.title.textContent = `${verb} ${what}?`
    const lines = [
      `${countText(judged.length, 'mask gets', 'masks get')} the verdict “${this.verdict}”.`,
      unfinished > 0 && `${countText(unfinished, 'job has', 'jobs have')} no mask and stay as is.`,
      read > 0 && `${countText(read, 'job is', 'jobs are')} in a second reading and stay as is.`,
      drafted > 0 &&
        `${countText(drafted, 'job has', 'jobs have')} a draft of yours and stay as is.`,
      'A job that another reader judges meanwhile is left out.',
    ]
    fill(this.plan, ...lines.map((line) => line !== false && element('li', {}, line)))
    this.replace.show(
      reviewed,
      `Also ${countText(reviewed, 'mask that has', 'masks that have')} a verdict: it is replaced`,
    )
    this.doubts.show(
      doubted,
      `Also ${countText(doubted, 'mask', 'masks')} that may be wrong (doubts, or unusual sizes)`,
    )
    this.confirm.textContent = `${verb} ${countText(judged.length, 'mask')}`
    this.confirm.disabled = judged.length === 0 || this.sending
  }

  private async give(): Promise<void> {
    const { jobs, verdict } = this
    reader.name = this.name.value.trim()
    const chosen = this.boxes.filter((box) => box.checked).map((box) => box.value as Reason)
    const wanted: NewBatchReview = {
      jobs: jobs.map((job) => ({ id: job.id, seen: job.review ?? '' })),
      verdict,
      reasons: verdict === 'rejected' ? chosen : [],
      comment: this.comment.value.trim(),
      reviewer: reader.name,
      with_doubts: this.doubts.box.checked,
      replace: this.replace.box.checked,
      leave_drafts: true,
    }
    const body = JSON.stringify(wanted)
    if (body !== this.attempt.body) this.attempt = { body, key: randomId() }
    this.confirm.disabled = this.sending = true
    fill(this.problem)
    try {
      const result = await api.batchReview(wanted, this.attempt.key)
      if (body === this.attempt.body) this.attempt = { body: '', key: '' }
      if (this.jobs === jobs) this.root.close()
      this.onDone(result, verdict)
    } catch (error) {
      if (this.jobs !== jobs) return // the dialog asks about other jobs by now
      fill(this.problem, problemBox(api.problemOf(error)))
      this.confirm.textContent = 'Try again' // nothing is done twice
      this.confirm.disabled = this.sending = false
    }
  }
}

interface Option {
  root: HTMLLabelElement
  box: HTMLInputElement
  /** Offers the choice if it concerns any job. */
  show(count: number, label: string): void
}

function option(id: string, onchange: () => void): Option {
  const box = element('input', { type: 'checkbox', id, onchange })
  const text = element('span', {})
  const root = element('label.reason', {}, box, text)
  const show = (count: number, label: string): void => {
    root.hidden = count === 0
    text.textContent = label
  }
  return { root, box, show }
}

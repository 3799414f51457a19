/** What can be done with the chosen jobs of the worklist: verdicts and assignments. */

import * as api from '../api'
import { doneText } from '../batch_plan'
import { element } from '../element'
import { reader } from '../reader'
import type { BatchReview, Job } from '../schemas'
import { MOST_CHOSEN, type Selection } from '../selection'
import { countText, scanText } from '../text'
import type { Worklist } from '../worklist'
import { AssignDialog } from './assign_dialog'
import { BatchDialog } from './batch_dialog'
import type { UndoBar } from './undo'

export class ListSelection {
  readonly root: HTMLElement
  /** They are no part of the worklist, which is hidden in full screen. */
  readonly dialogs: HTMLDialogElement[]
  private readonly number = element('strong', {})
  private readonly all: HTMLButtonElement
  private readonly bar: HTMLElement
  private readonly said = element('p.said', { role: 'status' })
  /** The number for screen readers, which announce only what was there before it changed. */
  private readonly announced = element('span.unseen', { role: 'status' })
  private readonly verdict = new BatchDialog(
    (result, verdict) => this.judged(result, verdict),
    (job) => this.worklist.drafts.has(job.id),
  )
  private readonly assignment = new AssignDialog(
    (jobs, assignee) => this.assign(jobs, assignee),
    () => Object.keys(this.worklist.counts.assignees),
  )

  constructor(
    private readonly worklist: Worklist,
    private readonly selection: Selection,
    private readonly undo: Pick<UndoBar, 'offer'>,
  ) {
    const button = (label: string, onclick: () => void, more = {}): HTMLButtonElement =>
      element('button', { type: 'button', onclick, ...more }, label)
    this.all = button('', () => void this.chooseAll(), { class: 'quiet' })
    const assign = button('Assign …', () => this.askReader(this.selection.jobs))
    const judge = [
      button('Accept …', () => this.verdict.ask(this.selection.jobs, 'accepted')),
      button('Reject …', () => this.verdict.ask(this.selection.jobs, 'rejected')),
    ]
    this.bar = element(
      'div.bar',
      { role: 'toolbar', 'aria-label': 'Chosen jobs' },
      element('span.number', {}, this.number, ' chosen'),
      this.all,
      button('Clear', () => this.selection.clear(), { class: 'quiet' }),
      element('div.actions', {}, ...judge, assign),
    )
    this.root = element(
      'section.selection',
      { 'aria-label': 'Chosen jobs' },
      this.bar,
      this.said,
      this.announced,
    )
    this.dialogs = [this.verdict.root, this.assignment.root]
    reader.onChange(() => {
      assign.hidden = !reader.may('jobs:assign')
      for (const one of judge) one.hidden = !reader.may('reviews:write')
    })
    selection.onChange(() => this.say(''))
    this.render()
  }

  /** Asks to whom these jobs are assigned, which need not be the chosen ones. */
  askReader(jobs: Job[]): void {
    this.assignment.ask(jobs)
  }

  /** Chooses all jobs that the list shows, as many as are possible. */
  chooseAll(): Promise<void> {
    return this.choose(() => this.worklist.firstJobs(MOST_CHOSEN))
  }

  /** Chooses jobs that may have to be loaded, as many as are possible. */
  async choose(load: () => Promise<Job[]>): Promise<void> {
    try {
      if (!this.selection.add(await load())) this.tooMany()
    } catch (error) {
      this.say(api.problemOf(error).detail)
    }
  }

  tooMany(): void {
    this.say(`At most ${countText(MOST_CHOSEN, 'job')} can be chosen at a time.`)
  }

  say(text: string): void {
    this.said.textContent = text
    this.render()
  }

  render(): void {
    const { total } = this.worklist.rows
    const { size } = this.selection
    this.bar.hidden = size === 0
    this.number.textContent = String(size)
    const all =
      total <= MOST_CHOSEN
        ? `All ${countText(total, '', '').trim()}`
        : `First ${countText(MOST_CHOSEN, '', '').trim()}`
    this.all.textContent = all
    this.all.hidden = size >= Math.min(total, MOST_CHOSEN)
    const announced = size === 0 ? '' : `${size} chosen`
    if (this.announced.textContent !== announced) this.announced.textContent = announced
    this.root.classList.toggle('idle', size === 0 && this.said.textContent === '')
  }

  /** Names the scan if it is one. */
  private offer(text: string, done: string[], action: () => void): void {
    const job = done.length === 1 ? this.worklist.get(done[0]!) : undefined
    this.undo.offer(text, job === undefined ? '' : scanText(job), action)
  }

  private judged(result: BatchReview, verdict: string): void {
    const done = result.results.filter((one) => one.outcome === 'done').map((one) => one.job)
    const gone = result.results.filter((one) => one.outcome === 'not-found').map((one) => one.job)
    this.selection.remove([...done, ...gone]) // those that were left out stay chosen
    const text = doneText(verdict, result.results)
    this.say(done.length > 0 ? '' : text)
    if (done.length > 0) this.offer(text, done, () => void this.withdraw(result, done.length))
    void this.worklist.refresh()
  }

  private async withdraw(result: BatchReview, given: number): Promise<void> {
    try {
      const { jobs } = await api.withdrawBatch(result.id)
      this.say(`${countText(jobs.length, 'verdict')} of ${given} taken back.`)
    } catch (error) {
      this.say(`Not undone. ${api.problemOf(error).detail}`)
    }
    void this.worklist.refresh()
  }

  private async assign(jobs: Job[], assignee: string): Promise<void> {
    const seen = jobs.map((job) => ({ id: job.id, seen: job.assignee ?? '' }))
    const results = await api.assign(seen, assignee)
    const of = (outcome: string): string[] =>
      results.filter((one) => one.outcome === outcome).map((one) => one.job)
    const [done, changed, gone] = [of('done'), of('changed'), of('not-found')]
    this.selection.remove([...done, ...gone])
    const whom = assignee === '' ? 'assigned to nobody' : `assigned to ${assignee}`
    const others = [
      changed.length > 0 && `${changed.length} assigned to somebody else meanwhile`,
      gone.length > 0 && `${gone.length} deleted`,
    ].filter((text) => text !== false)
    const left = others.length > 0 ? ` Left out: ${others.join(', ')}.` : ''
    const text = `${countText(done.length, 'job')} ${whom}.${left}`
    const before = jobs.filter((job) => done.includes(job.id))
    this.say(done.length > 0 ? '' : text)
    if (done.length > 0) this.offer(text, done, () => void this.giveBack(before, assignee))
    void this.worklist.refresh()
  }

  /** Assigns jobs to those who had them. */
  private async giveBack(before: Job[], assignee: string): Promise<void> {
    const readers = new Set(before.map((job) => job.assignee ?? ''))
    let back = 0
    try {
      for (const name of readers) {
        const theirs = before.filter((job) => (job.assignee ?? '') === name)
        const seen = theirs.map((job) => ({ id: job.id, seen: assignee }))
        const results = await api.assign(seen, name)
        back += results.filter(({ outcome }) => outcome === 'done').length
      }
      this.say(`${countText(back, 'assignment')} of ${before.length} taken back.`)
    } catch (error) {
      this.say(`Not undone. ${api.problemOf(error).detail}`)
    }
    void this.worklist.refresh()
  }
}

/** The review of a mask: the verdict form, and the earlier reviews. */

import * as api from '../api'
import { settled } from '../correct/open_drafts'
import { draftOf, keepDraft, tidyDrafts } from '../drafts'
import { element, fill } from '../element'
import { prefetch } from '../prefetch'
import { Presence } from '../presence'
import { reader } from '../reader'
import { go } from '../route'
import type { Job, NewReview, Problem, Review, Viewers } from '../schemas'
import type { Keys } from '../shortcuts'
import { scanText } from '../text'
import type { Worklist } from '../worklist'
import { chosen } from './confirm'
import type { CorrectButton } from './correct_button'
import type { SavedDraft } from './correction_page'
import { draftQuestion } from './draft_question'
import type { MeasurementsView } from './measurements'
import { problemBox } from './messages'
import { NewerReview } from './newer_review'
import { openText, reviewRow, VERDICTS } from './past_reviews'
import { ReasonChoice } from './reasons'
import { type Adjudication, SecondReadingView } from './second_reading'
import type { UndoBar } from './undo'

const SURPLUS = 'All readings were given before, so your verdict is kept and changes nothing.'
const NONE_LEFT = 'No other mask in the worklist waits for a review.'

type Drafted = Pick<MeasurementsView, 'forReview' | 'saved' | 'takeBack' | 'showReviews'>

export class VerdictView {
  readonly root: HTMLElement
  private job: Job | null = null
  private saving = false
  /** How often the reviews were requested: of several answers only the last one is shown. */
  private listed = 0
  private visible = false
  /** The newest review that the reader has seen; the service refuses to replace a newer one. */
  private seen = ''
  private readonly newer = new NewerReview(
    (review) => {
      const comment = this.comment.value.trim()
      if (this.job !== null) void this.save(this.job, { ...review, comment })
    },
    () => this.enable(),
  )
  private readonly comment: HTMLTextAreaElement
  private readonly reviewer: HTMLInputElement
  private readonly name: HTMLElement
  private readonly written: HTMLElement
  private readonly accept: HTMLButtonElement
  private readonly reject: HTMLButtonElement
  private readonly verdicts: HTMLElement
  private readonly reasons = new ReasonChoice(
    (reasons) => void this.give({ verdict: 'rejected', reasons }),
    () => this.enable(),
  )
  private readonly past = element('ol.reviews', { 'aria-label': 'Earlier reviews' })
  private readonly open = element('div.also-open', { 'aria-live': 'polite' })
  private readonly result = element('div.result', { 'aria-live': 'polite' })
  /** Its buttons are between the verdict and the comment. */
  private readonly reading: SecondReadingView
  private readonly nameLabel = element('label', { for: 'reviewer' })
  private readonly presence = new Presence(
    () => this.reviewer.value.trim(),
    (viewers) => this.showViewers(viewers),
  )

  /** `confirmed` asks whether a mask is accepted in spite of doubts about it. */
  constructor(
    private readonly worklist: Pick<
      Worklist,
      'update' | 'refresh' | 'nextUnreviewed' | 'noteDraft'
    >,
    private readonly measurements: Drafted,
    private readonly confirmed: () => Promise<boolean>,
    private readonly mask: MaskOnScreen,
    private readonly undo: Pick<UndoBar, 'offer' | 'say' | 'waitFor'>,
    private readonly correct: CorrectButton,
  ) {
    this.reading = new SecondReadingView(
      () => this.reviewer.value.trim(),
      (review) => this.mask.draw(review),
      (verdict) => void this.give(verdict),
      (job) => this.refresh(job.id),
    )
    this.comment = element('textarea', {
      id: 'comment',
      rows: 2,
      maxlength: 10_000,
      oninput: () => this.job !== null && keepDraft(this.job.id, this.comment.value),
      onkeydown: (event: KeyboardEvent) => event.key === 'Escape' && this.comment.blur(),
    })
    this.reviewer = element('input', {
      id: 'reviewer',
      type: 'text',
      maxlength: 200,
      autocomplete: 'name',
      value: reader.name,
      onchange: () => {
        reader.name = this.reviewer.value.trim()
      },
      onkeydown: ({ key }: KeyboardEvent) =>
        (key === 'Enter' || key === 'Escape') && this.reviewer.blur(), // the keys judge again
    })
    this.name = element('div.name', {}, this.nameLabel, this.reviewer)
    this.accept = this.button('accepted', 'Accept', 'A', () => void this.acceptIt())
    this.reject = this.button('rejected', 'Reject', 'R', () => this.askReasons())
    this.verdicts = element(
      'div.buttons',
      {},
      this.accept,
      this.reject,
      correct.button,
      this.button('skip', 'Skip', 'S', () => this.skip()),
    )
    this.written = element(
      'div.written',
      {},
      element('label', { for: 'comment' }, 'Comment, saved with the verdict (optional)'),
      this.comment,
      this.name,
    )
    this.root = element(
      'section.verdict',
      { 'aria-label': 'Review' },
      element('h2', {}, 'Review'),
      this.open,
      this.newer.root,
      this.verdicts,
      correct.note,
      correct.draft,
      this.reasons.root,
      this.result,
      this.reading.root,
      this.written,
      this.past,
    )
    this.root.hidden = true
    reader.onChange(() => {
      if (!reader.hasAccount) this.reviewer.value = reader.name
      this.enable()
      if (this.visible) void this.list() // what a reader sees depends on the name
    })
    tidyDrafts()
  }

  /** Shows the form for a job; the buttons are enabled when the mask is on screen. */
  show(job: Job | null): void {
    const other = this.job?.id !== job?.id
    const reviewed = !other && this.visible && stageOf(this.job) !== stageOf(job)
    this.job = job
    this.root.hidden = job?.state !== 'succeeded'
    this.presence.show(job?.state === 'succeeded' ? job.id : null)
    if (other) this.reset()
    this.enable()
    if (reviewed && !this.saving) void this.list() // reviewed in another tab or by another reader
  }

  /** Enables the buttons: the mask is on screen. */
  allow(): void {
    const { job } = this
    if (job === null) return
    this.visible = true
    this.enable()
    void this.list().then((reviews) => {
      if (this.job?.id === job.id) this.seen = reviews[0]?.id ?? ''
    })
    this.worklist.nextUnreviewed(job.id).then(prefetch, () => {}) // it only saves time
  }

  keys(): Keys {
    if (this.reasons.open) return this.reasons.keys()
    if (this.newer.asks) return this.newer.keys()
    return {
      a: () => void (this.correct.pending || this.acceptIt()),
      r: () => this.askReasons(),
      s: () => this.skip(),
      c: () => this.comment.focus(),
      t: () => this.correct.ask(),
      ...this.reading.keys(),
    }
  }

  /** Whether a review can be given; else asks for the name, which a second reading needs. */
  get ready(): boolean {
    const named = this.reviewer.value.trim() !== '' || this.name.hidden !== false
    if (this.reading.needsName && !named) this.askName()
    return named || !this.reading.needsName
  }

  /** Saves a correction as a review; false if that failed. */
  async saveDraft(draft: SavedDraft): Promise<boolean> {
    return this.give({ verdict: 'corrected', ...draft })
  }

  /** The newest corrected mask that this reader may see; null in a second reading. */
  async newestCorrection(): Promise<Review | null> {
    const { job } = this
    if (job === null || job.second_reading !== null) return null
    const reviews = (await api.reviews(job.id, this.reviewer.value.trim())).reverse()
    const standing = reviews.filter((one) => one.withdrawn_at === null && one.mask_format !== null)
    return standing[0] ?? null
  }

  /** A review of this job; null if the reader may not see it. */
  async review(id: string): Promise<Review | null> {
    const { job } = this
    if (job === null) return null
    const reviews = await api.reviews(job.id, this.reviewer.value.trim())
    return reviews.find((one) => one.id === id) ?? null
  }

  private reset(): void {
    this.comment.value = this.job === null ? '' : draftOf(this.job.id)
    this.visible = false
    this.seen = ''
    this.newer.clear()
    this.reasons.close()
    this.reading.clear()
    fill(this.past)
    fill(this.open)
    fill(this.result)
  }

  private async acceptIt(): Promise<void> {
    const { job } = this
    if (this.reasons.open || this.accept.disabled || !(await this.confirmed())) return
    if (this.job?.id === job?.id) await this.give(this.acceptance())
  }

  /** Accepts the mask on screen, which may be a corrected one. */
  private acceptance(): Pick<NewReview, 'verdict' | 'mask_of'> {
    const drawn = this.mask.drawn()
    if (drawn === null || this.job?.second_reading !== null) return { verdict: 'accepted' }
    return { verdict: 'corrected', mask_of: drawn }
  }

  private askReasons(): void {
    if (this.reject.disabled) return
    this.reasons.show()
    this.enable()
  }

  private skip(): void {
    if (this.job !== null) void this.goOn(this.job, '')
  }

  /** Opens the next job that waits for a review, or says that there is none. */
  private async goOn(from: Job, said: string): Promise<void> {
    try {
      const next = await this.worklist.nextUnreviewed(from.id)
      if (this.job?.id !== from.id) return
      if (next !== undefined) go({ page: 'job', id: next.id })
      else fill(this.result, element('p.saved', {}, `${said} ${NONE_LEFT}`.trim()))
    } catch (error) {
      if (this.job?.id === from.id) fill(this.result, problemBox(api.problemOf(error)))
    }
  }

  /** Shows the job's verdict in the list, then the service's own copy of the job. */
  private changed(job: Job): void {
    this.worklist.update(job)
    this.refresh(job.id)
  }

  private refresh(id: string): void {
    api.job(id).then(
      (fresh) => this.worklist.update(fresh),
      () => void this.worklist.refresh(), // the list shows when the service is available again
    )
  }

  private async give(
    verdict: Pick<NewReview, 'verdict' | 'reasons'> | Adjudication | Corrected,
  ): Promise<boolean> {
    const { job } = this
    if (job === null || this.accept.disabled) return false
    const reviewer = this.reviewer.value.trim()
    if (!this.ready) return false
    reader.name = reviewer
    const comment = this.comment.value.trim()
    const { adjudicates } = this.reading
    const { forReview: measurements } = this.measurements
    const given = { ...verdict, comment, reviewer, measurements, adjudicates }
    const discards = 'draft' in verdict ? null : '' // a draft that is passed over is asked about
    return this.save(job, { ...given, seen: this.seen, discards })
  }

  private askName(): void {
    this.reasons.close()
    fill(this.result, element('p', {}, 'A second reading needs your name.'))
    this.reviewer.focus()
  }

  private async save(job: Job, review: NewReview): Promise<boolean> {
    let done = false
    this.saving = true
    this.enable()
    fill(this.result, element('p', {}, 'Saving …'))
    try {
      if (review.draft == null && !(await settled(job.id))) throw new api.ApiError(api.UNREACHABLE)
      const saved = await api.review(job.id, review)
      done = true
      await this.saved(job, review, saved)
    } catch (error) {
      done = await this.notSaved(job, review, api.problemOf(error))
    }
    this.saving = false
    this.enable()
    return done
  }

  /**
   * Says so where the reader is: another job may be on screen by now. Resolves to whether it was
   * saved after a question.
   */
  private async notSaved(job: Job, review: NewReview, problem: Problem): Promise<boolean> {
    if (problem.status === 409) this.refresh(job.id)
    if (this.job?.id === job.id) fill(this.result)
    if (problem.kind === 'draft-open' && this.job?.id === job.id) return this.askDraft(job, review)
    const isNewer = problem.kind === 'newer-review' && this.job?.id === job.id
    const reviews = isNewer ? await this.list() : []
    if (this.job?.id !== job.id) this.undo.say(`Not saved. ${problem.detail}`, scanText(job))
    else if (reviews.length > 0) this.ask(review, reviews)
    else fill(this.result, problemBox(problem))
    return false
  }

  /** Asks what becomes of the reader's correction that is not saved. */
  private async askDraft(job: Job, review: NewReview): Promise<boolean> {
    try {
      const draft = await api.draftIfAny(job.id, review.reviewer ?? '')
      const answer = draft === null ? 'discard' : await chosen(draftQuestion(review, draft))
      if (this.job?.id !== job.id) return false
      if (answer === 'discard') return this.save(job, { ...review, discards: draft?.id ?? '' })
      if (answer === 'continue') {
        this.reasons.close()
        this.correct.ask()
      }
    } catch (error) {
      if (this.job?.id === job.id) fill(this.result, problemBox(api.problemOf(error)))
    }
    return false
  }

  private async saved(job: Job, review: NewReview, saved: Review): Promise<void> {
    const verdict =
      review.mask_of != null && !review.adjudicates
        ? 'Corrected mask accepted'
        : VERDICTS[review.verdict]
    const said = `${verdict}.${saved.role === 'surplus' ? ` ${SURPLUS}` : ''}`
    keepDraft(job.id, '')
    this.measurements.saved(job, review)
    const here = this.job?.id === job.id
    // a corrected mask is not withdrawn: it is corrected again
    if (review.draft == null)
      this.undo.offer(said, scanText(job), () => void this.takeBack(job, review, saved))
    else if (!here) this.undo.say(said, scanText(job))
    if (review.discards || review.draft) this.draftEnded(job)
    if (job.second_reading === null)
      this.changed({ ...job, verdict: review.verdict, reviewer: saved.reviewer || null })
    else this.refresh(job.id)
    if (!here) return
    this.seen = saved.id
    this.comment.value = ''
    this.reasons.close()
    fill(this.result, review.draft != null && element('p.saved', {}, said)) // until the next job opens
    void this.list()
    await this.undo.waitFor(this.goOn(job, said))
  }

  /** The reader's correction was saved or discarded. */
  private draftEnded(job: Job): void {
    this.worklist.noteDraft(job.id, false)
    if (this.job?.id === job.id) this.correct.begun = false
  }

  /** Withdraws a review, and opens its job again with its comment. */
  private async takeBack(job: Job, review: NewReview, saved: Review): Promise<void> {
    try {
      await api.withdraw(job.id, saved.id, saved.reviewer)
    } catch (error) {
      this.undo.say(`Not undone. ${api.problemOf(error).detail}`, scanText(job))
      this.refresh(job.id) // only the response may have been lost
      return
    }
    keepDraft(job.id, review.comment ?? '')
    if (job.second_reading === null) this.changed(job)
    else this.refresh(job.id)
    this.measurements.takeBack(job, review)
    if (this.job?.id !== job.id) return go({ page: 'job', id: job.id })
    this.comment.value = review.comment ?? ''
    fill(this.result)
    void this.list()
  }

  /** Shows what another reader has said meanwhile, and asks whether this verdict replaces it. */
  private ask(review: NewReview, reviews: Review[]): void {
    this.seen = reviews[0]!.id
    this.reasons.close()
    this.newer.ask(review, reviews)
    this.root.scrollTop = 0
  }

  private enable(): void {
    const may = reader.may('reviews:write')
    const enabled = may && this.visible && !this.saving
    this.accept.hidden = this.reject.hidden = this.written.hidden = !may
    this.accept.disabled = !enabled
    this.reject.disabled = !enabled
    this.accept.setAttribute('aria-pressed', String(this.job?.verdict === 'accepted'))
    this.reject.setAttribute('aria-pressed', String(this.job?.verdict === 'rejected'))
    const needed = this.reading.needsName ? 'needed in a second reading' : 'optional'
    this.nameLabel.textContent = `Your name (${needed})`
    this.verdicts.hidden = this.reasons.open || this.newer.asks
  }

  /** Shows the reviews of the job; those that count, newest first. */
  private async list(): Promise<Review[]> {
    const { job } = this
    if (job === null) return []
    const name = this.reviewer.value.trim()
    const number = ++this.listed
    try {
      const reviews = (await api.reviews(job.id, name)).reverse()
      const standing = reviews.filter((review) => review.withdrawn_at === null)
      if (this.job?.id === job.id && number === this.listed) {
        fill(this.past, ...reviews.map(reviewRow))
        this.measurements.showReviews(standing)
        await this.reading.show(this.job, reviews)
        this.enable()
      }
      return standing
    } catch (error) {
      if (this.job?.id === job.id) fill(this.result, problemBox(api.problemOf(error)))
      return []
    }
  }

  private showViewers({ account, others }: Viewers): void {
    const me = account === '' ? this.reviewer.value.trim() : account
    const lines = others.map((viewer) => openText(viewer, me))
    if (lines.join() !== this.open.dataset.said) {
      fill(this.open, ...lines.map((line) => element('p', {}, line)))
    }
    this.open.dataset.said = lines.join()
    this.name.hidden = account !== ''
  }

  private button(name: string, label: string, key: string, onclick: () => void): HTMLButtonElement {
    return element(
      `button.${name}` as 'button',
      { type: 'button', id: name, title: `${label} (${key})`, onclick },
      label,
      element('kbd', { 'aria-hidden': 'true' }, key),
    )
  }
}

/** The mask on screen. */
export interface MaskOnScreen {
  /** Draws a corrected mask; null: the job's own. False if the page cannot. */
  draw: (review: string | null) => Promise<boolean>
  /** The review whose corrected mask is drawn; null: the job's own mask. */
  drawn: () => string | null
}

type Corrected = Pick<NewReview, 'verdict'> & SavedDraft

/** Differs when another verdict was given, as far as this reader may see it. */
function stageOf(job: Job | null): string {
  return JSON.stringify([job?.verdict, job?.second_reading])
}

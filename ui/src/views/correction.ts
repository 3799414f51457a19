/** Correcting the mask of the job on screen: begins, continues, saves and gives up a draft. */

import * as api from '../api'
import { Activity } from '../correct/activity'
import { Correcting } from '../correct/correcting'
import { DraftSync } from '../correct/draft'
import { keysOf } from '../correct/keys'
import { forget, settled, track } from '../correct/open_drafts'
import { pack, read, translated } from '../correct/wire'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Draft, Job, NewReview, Point } from '../schemas'
import type { Keys } from '../shortcuts'
import { timeText } from '../text'
import type { LabelsOnScreen, Viewer } from '../viewer/port'
import { confirmed } from './confirm'
import { CorrectionPanel } from './correction_panel'
import { CorrectionToolbar } from './correction_toolbar'
import { problemBox } from './messages'

const IN_TILES =
  'A large image in tiles cannot be corrected on this page. Correct the downloaded mask with another program, and upload it.'

/** What a correction needs of the page. */
export interface CorrectionPage {
  /** The viewer that shows the mask; null if it is an image in tiles, or nothing is drawn. */
  viewer: () => Viewer | null
  tiled: () => boolean
  /** Whether a review can be given; else asks for what is missing. */
  ready: () => boolean
  /** The review whose corrected mask is on screen; null: the job's own mask. */
  drawn: () => string | null
  /** Draws such a mask; false if the page cannot. */
  draw: (review: string | null) => Promise<boolean>
  /** The newest corrected mask that stands; null without one. */
  newest: () => Promise<string | null>
  /** Saves the draft as a review; false if that failed. */
  save: (draft: SavedDraft) => Promise<boolean>
  /** The correction has begun or ended. */
  mode: (on: boolean) => void
  focus: () => void
}

/** A draft as it is saved. */
export type SavedDraft = Pick<NewReview, 'draft' | 'draft_changes'>

interface Session {
  job: Job
  draft: Draft
  labels: LabelsOnScreen
  sync: DraftSync
  activity: Activity
}

export class CorrectionView {
  readonly correcting: Correcting
  readonly toolbar: CorrectionToolbar
  readonly panel: CorrectionPanel
  /** Begins a correction. */
  readonly button = element(
    'button.correct',
    {
      type: 'button',
      id: 'correct',
      disabled: true,
      'aria-describedby': 'cannot-correct',
      onclick: () => void this.begin(),
    },
    'Correct',
    element('kbd', { 'aria-hidden': 'true' }, 'T'),
  )
  /** Why the mask cannot be corrected. */
  readonly note = element('p.hint', { id: 'cannot-correct' })
  private job: Job | null = null
  private session: Session | null = null
  private starting = false
  /** Of a tool, as the panel shows it. */
  private failure: HTMLElement | null = null
  private readonly save = this.action('save-correction', 'Save correction', 'Ctrl + S', () =>
    this.finish(),
  )
  private frame = 0

  /** `root`: the element around the panes. */
  constructor(
    root: HTMLElement,
    private readonly page: CorrectionPage,
  ) {
    this.correcting = new Correcting(root, {
      changed: () => this.render(),
      say: (text) => {
        this.panel.status.textContent = text
      },
      failed: (problem) => {
        this.failure = problemBox(problem)
        fill(this.panel.result, this.failure)
      },
      began: () => this.failure?.remove(),
    })
    this.toolbar = new CorrectionToolbar(this.correcting, page.focus)
    this.save.classList.add('primary')
    this.panel = new CorrectionPanel(this.correcting, page.focus, [
      this.save,
      this.action(
        'keep-draft',
        'Keep draft',
        'Leave the correction; it can be continued later',
        () => this.keep(),
      ),
      this.action('discard-draft', 'Discard', 'Give up all changes', () => this.discard()),
    ])
    this.listen()
  }

  get active(): boolean {
    return this.session !== null
  }

  keys(): Keys {
    return { ...keysOf(this.correcting), 'Mod+s': () => void this.finish() }
  }

  /** The mask of a job is on screen: offers its correction, and continues one that was begun. */
  async offer(job: Job): Promise<void> {
    this.job = job
    this.allow()
    if (this.button.disabled) return
    const draft = await api.draftIfAny(job.id, reader.name).catch(() => null)
    if (this.job !== job || this.active || draft === null || draft.changes === 0) return
    this.button.firstChild!.textContent = 'Continue'
    await this.begin()
  }

  /** The page shows another job. What was not sent yet is sent nevertheless. */
  close(): void {
    const { session } = this
    this.stop()
    if (session !== null) void settled(session.job.id)
    if (session !== null) this.tidy(session)
    this.job = null
    this.button.firstChild!.textContent = 'Correct'
    this.allow()
  }

  // begins

  private allow(): void {
    const viewer = this.page.viewer()
    const labels = viewer?.labels ?? null
    const may = reader.may('reviews:write')
    this.button.hidden = !may
    this.button.disabled = this.job === null || labels === null || typeof labels === 'string'
    const refused = this.page.tiled() ? IN_TILES : labels
    this.note.textContent = may && this.job !== null && typeof refused === 'string' ? refused : ''
  }

  async begin(): Promise<void> {
    const { job } = this
    if (job === null || this.active || this.starting || this.button.disabled) return
    if (!this.page.ready()) return
    this.starting = true
    this.button.disabled = true
    try {
      await this.open(job)
    } catch (error) {
      if (this.job === job) this.note.replaceChildren(problemBox(api.problemOf(error)))
    }
    this.starting = false
    this.button.disabled = this.job === null
  }

  private async open(job: Job): Promise<void> {
    if (!(await settled(job.id))) throw new api.ApiError(api.UNREACHABLE)
    const base = this.page.drawn() ?? (await this.page.newest())
    const draft = await api.beginDraft(job.id, reader.name, base)
    if (this.job !== job) return
    if (draft.base !== this.page.drawn()) await this.page.draw(draft.base)
    const runs =
      draft.changes === 0
        ? new Uint32Array()
        : read(await api.bytes(api.draftChanges(draft), new AbortController().signal))
    const viewer = this.page.viewer()
    const labels = viewer?.labels ?? null
    if (this.job !== job || viewer === null || labels === null || typeof labels === 'string') return
    this.start(job, draft, viewer, labels, runs)
  }

  private start(
    job: Job,
    draft: Draft,
    viewer: Viewer,
    labels: LabelsOnScreen,
    runs: Uint32Array,
  ): void {
    const { correcting } = this
    const { legend } = labels
    const editor = correcting.begin(job.id, viewer, labels)
    editor.restore(translated(runs, (value) => legend.slotOf(value)))
    correcting.choice.beginAt((correcting.spot?.voxel.map(Math.round) ?? [0, 0, 0]) as Point)
    const activity = new Activity()
    const sync = new DraftSync(
      draft.changes,
      async ({ number, runs: changes, seconds }) =>
        api.appendChanges(draft, number, await pack(changes), seconds),
      () => activity.take(),
      () => this.session?.sync === sync && this.renderState(),
    )
    track(job.id, sync)
    editor.listen((change) => {
      sync.add(translated(change.runs, (slot) => legend.valueOf(slot)))
      this.frame ||= requestAnimationFrame(() => this.follow())
    })
    this.session = { job, draft, labels, sync, activity }
    this.page.mode(true)
    this.panel.open()
    this.renderState()
    this.render()
    if (draft.changes > 0) this.greet(draft)
    this.page.focus()
  }

  private greet({ updated_at }: Draft): void {
    this.panel.status.textContent = `The draft of ${timeText(updated_at)} is continued.`
  }

  // goes on

  private listen(): void {
    for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
      document.addEventListener(event, () => this.session?.activity.note(), {
        capture: true,
        passive: true,
      })
    }
    document.addEventListener(
      'keyup',
      ({ key }) => key === ' ' && this.correcting.showBefore(false),
    )
    window.addEventListener('blur', () => this.correcting.showBefore(false))
    window.addEventListener('focus', () => void this.compare())
  }

  /** While one draws, the sizes follow once for each frame. */
  private follow(): void {
    this.frame = 0
    if (this.active) this.panel.renderSizes()
  }

  private render(): void {
    this.toolbar.render()
    this.panel.render()
  }

  private renderState(): void {
    const { sync, job } = this.session!
    this.panel.showState(sync.state)
    this.save.disabled = sync.ended
    if (sync.state === 'elsewhere') this.offerReload()
    else if (sync.state === 'refused') fill(this.panel.result, problemBox(sync.problem!))
    if (sync.ended) forget(job.id)
  }

  /** Asks whether another window has changed the draft meanwhile. */
  private async compare(): Promise<void> {
    const { session } = this
    if (session === null || session.sync.ended || session.sync.unsaved) return
    const { sync, job, draft } = session
    const known = sync.number
    const now = await api.draftIfAny(job.id, draft.reader).catch(() => undefined)
    if (now === undefined || this.session !== session || sync.unsaved) return
    const same = now?.id === draft.id && now.changes === known
    if (!same && sync.number === known) sync.end()
  }

  private offerReload(): void {
    const text =
      'The draft of this correction was changed, saved or discarded in another window. What was painted here since then is not saved.'
    const load = element(
      'button',
      { type: 'button', id: 'load-draft', onclick: () => void this.reload() },
      'Load the mask as it is now',
    )
    fill(this.panel.result, element('div.problem', {}, element('p', {}, text), load))
  }

  /** Shows what the other window made of the draft, or the mask without one. */
  private async reload(): Promise<void> {
    const { session } = this
    if (session === null) return
    this.stop()
    try {
      await this.page.draw(session.draft.base)
      const draft = await api.draftIfAny(session.job.id, session.draft.reader)
      this.allow()
      if (draft !== null) await this.begin()
    } catch (error) {
      this.note.replaceChildren(problemBox(api.problemOf(error)))
    }
  }

  // ends

  /** Leaves the correction; the draft remains. */
  private stop(): void {
    if (this.session === null) return
    this.correcting.end()
    this.session = null
    this.page.mode(false)
    this.render()
  }

  /** Whether the gateway has everything; else says that it does not. */
  private async complete({ sync }: Session): Promise<boolean> {
    this.correcting.showBefore(false)
    this.correcting.editor.end()
    if (await sync.flush()) return true
    if (!sync.ended) this.correcting.say('There is no connection: the changes are not saved yet.')
    return false
  }

  private async finish(): Promise<void> {
    const { session } = this
    if (session === null || session.sync.ended) return
    if (this.correcting.work.busy) {
      this.correcting.say('A tool is still working. Wait for it, or cancel it.')
      return
    }
    if (!(await this.complete(session)) || this.session !== session) return
    const { draft, sync } = session
    if (!this.correcting.editor.difference.any) {
      this.correcting.say('The mask is as it was before: there is nothing to save.')
      return
    }
    this.stop()
    this.button.firstChild!.textContent = 'Continue' // until it is saved
    const done = await this.page.save({ draft: draft.id, draft_changes: sync.number })
    if (done && this.job === session.job) this.button.firstChild!.textContent = 'Correct'
  }

  private async keep(): Promise<void> {
    const { session } = this
    if (session === null || !(await this.complete(session)) || this.session !== session) return
    this.stop()
    this.tidy(session)
    if (session.sync.number > 0) this.button.firstChild!.textContent = 'Continue'
    await this.redraw(session)
  }

  private async discard(): Promise<void> {
    const { session } = this
    if (session === null) return
    const sure = await confirmed({
      title: 'Discard this correction?',
      text: ['All changes since it was begun are deleted. The mask from before stays as it is.'],
      no: 'Go on correcting',
      yes: 'Discard',
    })
    if (!sure || this.session !== session) return
    try {
      await api.discardDraft(session.draft)
    } catch (error) {
      const problem = api.problemOf(error)
      if (![404, 409].includes(problem.status)) {
        fill(this.panel.result, problemBox(problem))
        return
      }
    }
    forget(session.job.id)
    this.stop()
    this.button.firstChild!.textContent = 'Correct'
    await this.redraw(session)
  }

  /** A correction in which nothing was done leaves no draft. */
  private tidy({ draft, sync }: Session): void {
    if (sync.number === 0 && !sync.unsaved && !sync.ended) {
      api.discardDraft(draft).catch(() => {}) // the gateway deletes old ones
    }
  }

  /** Draws the mask without the changes of the draft. */
  private async redraw({ draft }: Session): Promise<void> {
    try {
      await this.page.draw(draft.base)
    } catch (error) {
      this.note.replaceChildren(problemBox(api.problemOf(error)))
    }
    this.button.disabled = false
  }

  private action(
    id: string,
    label: string,
    title: string,
    act: () => Promise<void>,
  ): HTMLButtonElement {
    return element('button', { type: 'button', id, title, onclick: () => void act() }, label)
  }
}

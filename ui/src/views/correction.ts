/** Correcting the mask of the job on screen: begins, continues, saves and gives up a draft. */

import * as api from '../api'
import { Correcting } from '../correct/correcting'
import { isNewest } from '../correct/draft_order'
import { changesOf, DraftSession, discard } from '../correct/draft_session'
import { KeptHistory } from '../correct/kept_history'
import { keysOf } from '../correct/keys'
import { forget, settled } from '../correct/open_drafts'
import { translated } from '../correct/wire'
import { fill } from '../element'
import { focusAfterMouse } from '../focus_after_mouse'
import { reader } from '../reader'
import type { Draft, Job, Point } from '../schemas'
import type { Keys } from '../shortcuts'
import { timeText } from '../text'
import type { LabelsOnScreen, Viewer } from '../viewer/port'
import { confirmed } from './confirm'
import { CorrectButton } from './correct_button'
import { CorrectionButtons, elsewhereBox } from './correction_buttons'
import type { CorrectionPage } from './correction_page'
import { CorrectionPanel } from './correction_panel'
import { CorrectionToolbar } from './correction_toolbar'
import { baseText } from './mask_version'
import { problemBox } from './messages'

export class CorrectionView {
  readonly correcting: Correcting
  private readonly toolbar: CorrectionToolbar
  readonly panel: CorrectionPanel
  readonly start: CorrectButton
  private job: Job | null = null
  private session: DraftSession | null = null
  private starting = false
  /** Of a tool, as the panel shows it. */
  private failure: HTMLElement | null = null
  private readonly buttons = new CorrectionButtons({
    save: () => this.finish(),
    keep: () => this.keep(),
    discard: () => this.discard(),
  })
  private readonly kept = new KeptHistory()
  private frame = 0

  /** `root`: the element around the panes. */
  constructor(
    root: HTMLElement,
    private readonly page: CorrectionPage,
  ) {
    this.correcting = new Correcting(root, {
      changed: () => this.render(),
      say: (text, warns = false) => this.panel.say(text, warns),
      failed: (problem) => {
        this.failure = problemBox(problem)
        fill(this.panel.result, this.failure)
      },
      began: () => this.failure?.remove(),
    })
    this.start = new CorrectButton(page, () => void this.begin())
    this.toolbar = new CorrectionToolbar(this.correcting)
    this.panel = new CorrectionPanel(this.correcting, {
      ends: this.buttons.all,
      tools: this.toolbar.root,
    })
    focusAfterMouse(this.panel.root, page.focus)
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
    const asked = this.start.takeWaiting()
    if (this.start.disabled) return
    if (asked) return this.begin()
    const draft = await api.draftIfAny(job.id, reader.name).catch(() => null)
    if (this.job !== job || this.active || draft === null || draft.changes === 0) return
    this.note(job, true)
    if (isNewest(draft, job)) await this.begin()
  }

  /** The page shows another job. What was not sent yet is sent nevertheless. */
  close(): void {
    const { session } = this
    this.stop()
    if (session !== null) void settled(session.job.id)
    session?.tidy()
    this.job = null
    this.start.takeWaiting()
    this.start.begun = false
    this.start.busy = ''
    this.allow()
  }

  /** Whether the reader has a correction of the job that is not saved. */
  private note(job: Job, drafted: boolean): void {
    this.start.begun = drafted
    this.page.drafted(job.id, drafted)
  }

  // begins

  private allow(): void {
    this.start.allow(this.job !== null)
  }

  async begin(): Promise<void> {
    const { job } = this
    if (job === null || this.active || this.starting || this.start.disabled) return
    if (!this.page.ready()) return
    this.starting = true
    this.start.busy = 'Opening …'
    try {
      await this.open(job)
    } catch (error) {
      if (this.job === job) this.start.showProblem(error)
    }
    this.starting = false
    this.start.busy = ''
    this.start.disabled = this.job === null
  }

  private async open(job: Job): Promise<void> {
    if (!(await settled(job.id))) throw new api.ApiError(api.UNREACHABLE)
    const base = this.page.drawn() ?? (await this.page.newest())
    const draft = await api.beginDraft(job.id, reader.name, base)
    if (this.job !== job) return
    if (draft.base !== this.page.drawn()) await this.page.draw(draft.base)
    const [runs, version] = await Promise.all([
      changesOf(draft),
      draft.base === null ? null : this.page.review(draft.base).catch(() => null),
    ])
    const viewer = this.page.viewer()
    const labels = viewer?.labels ?? null
    if (this.job !== job || viewer === null || labels === null || typeof labels === 'string') return
    this.show(job, draft, viewer, labels, runs)
    this.panel.base.textContent = baseText(job, draft, version)
  }

  private show(
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
    const session = new DraftSession(job, draft, editor, legend, () => {
      if (this.session === session) this.renderState()
    })
    editor.listen(() => {
      this.frame ||= requestAnimationFrame(() => this.follow())
    })
    this.session = session
    this.page.mode(true)
    this.panel.open()
    this.renderState()
    this.render()
    if (draft.changes > 0) this.greet(draft, job, this.kept.resume(draft, editor))
    this.page.focus()
  }

  /** `resumed`: what was changed before can be undone. */
  private greet(draft: Draft, job: Job, resumed: boolean): void {
    const other = isNewest(draft, job)
      ? ''
      : ` It is not the mask with the verdict “${job.verdict}”.`
    const undo = resumed ? '' : ' Undo begins anew.'
    this.panel.say(`The draft of ${timeText(draft.updated_at)} is continued.${undo}${other}`)
  }

  // goes on

  private listen(): void {
    for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
      document.addEventListener(event, () => this.session?.activity.note(), {
        capture: true,
        passive: true,
      })
    }
    document.addEventListener('keyup', ({ key }) => {
      if (key === ' ') this.correcting.showBefore(false)
      // with Shift, the full stop has another name
      if (key !== 'Shift' && !key.startsWith('Arrow')) this.correcting.hand.lift()
    })
    window.addEventListener('blur', () => {
      this.correcting.showBefore(false)
      this.correcting.hand.lift()
    })
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
    this.panel.showState(sync.state, sync.problem)
    this.buttons.savable = !sync.ended
    const { result } = this.panel
    if (sync.state === 'elsewhere')
      fill(
        result,
        elsewhereBox(() => this.reload()),
      )
    else if (sync.state === 'refused') fill(result, problemBox(sync.problem!))
    if (sync.ended) forget(job.id)
  }

  /** Asks whether another window has changed the draft meanwhile. */
  private async compare(): Promise<void> {
    const { session } = this
    if (session === null || !(await session.changedElsewhere())) return
    if (this.session === session) session.sync.end()
  }

  /** Shows what the other window made of the draft, or the mask without one. */
  private async reload(): Promise<void> {
    const { session } = this
    if (session === null) return
    this.stop()
    try {
      await this.page.draw(session.draft.base)
      const draft = await api.draftIfAny(session.job.id, session.draft.reader)
      this.note(session.job, (draft?.changes ?? 0) > 0)
      this.allow()
      if (draft !== null) await this.begin()
    } catch (error) {
      this.start.showProblem(error)
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
  private async complete({ sync }: DraftSession): Promise<boolean> {
    this.correcting.showBefore(false)
    this.correcting.editor.end()
    if (await sync.flush()) return true
    if (!sync.ended) this.correcting.say('There is no connection: the changes are not saved yet.')
    return false
  }

  private async finish(): Promise<void> {
    const { session } = this
    if (session === null || session.sync.ended) return
    if (this.correcting.work.running.length > 0) {
      this.correcting.say('A tool is still working. Wait for it, or cancel it.')
      return
    }
    if (!(await this.complete(session)) || this.session !== session) return
    const { draft, sync } = session
    if (!this.correcting.editor.difference.any) {
      this.correcting.say('The mask is as it was before: there is nothing to save.')
      return
    }
    if (await session.changedElsewhere()) {
      sync.end() // nothing is lost here, and the reader decides
      return
    }
    if (this.session !== session) return
    this.stop()
    this.start.busy = 'Saving …'
    const done = await this.page.save({ draft: draft.id, draft_changes: sync.number })
    if (this.job !== session.job) return
    this.start.busy = ''
    this.note(session.job, !done)
    if (!done) await this.redraw(session)
  }

  private async keep(): Promise<void> {
    const { session } = this
    if (session === null || !(await this.complete(session)) || this.session !== session) return
    this.kept.keep(session.draft, session.sync.number, this.correcting.editor)
    this.stop()
    session.tidy()
    if (session.sync.number > 0) this.note(session.job, true)
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
      await discard(session.draft)
    } catch (error) {
      fill(this.panel.result, problemBox(api.problemOf(error)))
      return
    }
    forget(session.job.id)
    this.stop()
    this.note(session.job, false)
    await this.redraw(session)
  }

  /** Draws the mask without the changes of the draft. */
  private async redraw({ draft }: DraftSession): Promise<void> {
    try {
      await this.page.draw(draft.base)
    } catch (error) {
      this.start.showProblem(error)
    }
    this.start.disabled = false
  }
}

/** The correction of the mask on screen, as tools, the panel and the keys use it. */

import type { Grid } from '../viewer/nifti'
import type { DrawingSurface, LabelsOnScreen, Viewer } from '../viewer/port'
import { Before } from './before'
import { BrushSettings } from './brush_settings'
import { Editor } from './editor'
import { Hand } from './hand'
import { LabelChoice } from './label_choice'
import type { Edit, LabelVolume } from './labels'
import { spotAt } from './pane_pointer'
import type { Context, Spot } from './tool'
import { TOOLS } from './tools'
import { Work, type WorkEvents } from './work'

/** What is corrected, from the beginning to the end. */
interface Session {
  job: string
  viewer: Viewer
  labels: LabelsOnScreen
  editor: Editor
  before: Before
  brush: BrushSettings
  choice: LabelChoice
  work: Work
}

export class Correcting implements Context {
  readonly hand: Hand
  private session: Session | null = null

  /** `root`: the element around the panes. `events`: `changed` is for all that the panel shows. */
  constructor(
    root: HTMLElement,
    private readonly events: WorkEvents,
  ) {
    this.hand = new Hand(root, this)
  }

  /** Begins with the labels on screen of a job. */
  begin(job: string, viewer: Viewer, labels: LabelsOnScreen): Editor {
    const editor = new Editor(labels.volume)
    editor.listen(({ slices }) => labels.changed(slices))
    const events = { ...this.events, changed: () => this.changed() }
    this.session = {
      job,
      viewer,
      labels,
      editor,
      before: new Before(editor, labels.changed),
      brush: new BrushSettings(labels.volume, events),
      choice: new LabelChoice(editor, labels.legend, events),
      work: new Work(editor, events, (slot) => this.nameOf(slot)),
    }
    this.hand.take(TOOLS[0]!)
    return editor
  }

  end(): void {
    if (this.session === null) return
    this.showBefore(false)
    this.work.end()
    this.hand.forget()
    this.editor.end()
    this.session = null
    this.hand.end()
  }

  // what is corrected

  get open(): boolean {
    return this.session !== null
  }

  get job(): string {
    return this.session!.job
  }

  get viewer(): Viewer {
    return this.session!.viewer
  }

  get labels(): LabelsOnScreen {
    return this.session!.labels
  }

  get editor(): Editor {
    return this.session!.editor
  }

  get brush(): BrushSettings {
    return this.session!.brush
  }

  get choice(): LabelChoice {
    return this.session!.choice
  }

  get work(): Work {
    return this.session!.work
  }

  // what a tool works with

  get volume(): LabelVolume {
    return this.labels.volume
  }

  get scan(): Grid {
    return this.labels.scan
  }

  get unit(): 'mm' | 'px' {
    return this.labels.unit
  }

  get slot(): number {
    return this.choice.slot
  }

  nameOf(slot: number): string {
    return this.choice.nameOf(slot)
  }

  get radius(): number {
    return this.brush.radius
  }

  get ball(): boolean {
    return this.brush.ball
  }

  get spot(): Spot | null {
    const { session } = this
    if (session === null) return null
    const { viewer } = session
    const surface = this.surfaces.find(({ plane }) => plane === viewer.active) ?? this.surfaces[0]
    return surface === undefined ? null : spotAt(surface, surface.toPixel(viewer.crosshair))
  }

  /** Whether labels may be changed now; the labels of the correction are on screen then. */
  get free(): boolean {
    if (this.session === null) return false
    this.showBefore(false)
    return !this.work.busy
  }

  later(
    name: string,
    edits: Promise<Edit[] | null>,
    cancel: (() => void) | null = null,
  ): Promise<boolean> {
    const all = edits.then((known) => (known === null ? null : () => known))
    return this.work.apply({ name, cancel, since: performance.now(), aside: false }, all)
  }

  aside(name: string, edits: Promise<(() => Edit[]) | null>, cancel: () => void): Promise<boolean> {
    const all = edits.then((known) =>
      known === null
        ? null
        : () => {
            this.showBefore(false)
            return known()
          },
    )
    return this.work.apply({ name, cancel, since: performance.now(), aside: true }, all)
  }

  say(text: string, warns = false): void {
    this.events.say(text, warns)
  }

  redraw(): void {
    this.hand.redraw()
  }

  /** The panes; none while nothing is corrected. */
  get surfaces(): DrawingSurface[] {
    return this.session?.viewer.drawingSurfaces ?? []
  }

  /** The panes and the panel show what has changed. */
  changed(): void {
    this.redraw()
    this.events.changed()
  }

  // the history

  undo(): void {
    this.repeat('undo', 'Undone')
  }

  redo(): void {
    this.repeat('redo', 'Repeated')
  }

  private repeat(what: 'undo' | 'redo', done: string): void {
    if (!this.free) return
    this.hand.forget()
    const name = this.editor[what]()
    this.say(name === null ? `There is nothing to ${what}.` : `${done}: ${name}.`)
    this.changed()
  }

  /** Shows the mask as it was before the correction, until this is called with false. */
  showBefore(on: boolean): void {
    if (this.session === null || this.work.busy) return
    if (on) this.hand.forget()
    if (this.session.before.show(on)) this.changed()
  }

  get beforeShown(): boolean {
    return this.session?.before.shown ?? false
  }

  nextChanged(by: 1 | -1): void {
    const slice = this.spot?.slice
    if (this.session === null || slice === undefined) return
    const step = by === slice.next ? 1 : -1
    const index = this.editor.difference.next(slice.axis, slice.index, step)
    if (index === null) this.say('No slice differs from the mask before the correction.')
    else this.viewer.scroll((index - slice.index) * slice.next)
  }
}

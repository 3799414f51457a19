/** The correction of the mask on screen: the tool in the hand, the label, and the brush. */

import { problemOf } from '../api'
import { recall, remember } from '../preferences'
import type { Problem } from '../schemas'
import type { Keys } from '../shortcuts'
import type { Grid } from '../viewer/nifti'
import type { DrawingSurface, LabelsOnScreen, Viewer } from '../viewer/port'
import { Before } from './before'
import { Editor } from './editor'
import type { Edit, LabelVolume } from './labels'
import { nothingText } from './nothing'
import { Overlay } from './overlay'
import { PanePointer, spotAt } from './pane_pointer'
import { limited, resized } from './size'
import type { Context, Spot, Tool } from './tool'
import { TOOLS } from './tools'

const RADIUS = 'brush-radius' // preferences
const BALL = 'brush-ball'

export interface CorrectingEvents {
  /** Something that the panel shows has changed. */
  changed: () => void
  say: (text: string) => void
  failed: (problem: Problem) => void
  /** A tool begins to work: an earlier failure no longer matters. */
  began: () => void
}

export class Correcting implements Context {
  tool: Tool | null = null
  slot = 1
  /** What a tool works on, while nothing else may change the labels. */
  private work: { cancel: (() => void) | null } | null = null
  private session: {
    job: string
    viewer: Viewer
    labels: LabelsOnScreen
    editor: Editor
    before: Before
  } | null = null
  /** Where the pointer is, or the key acted last. */
  private at: Spot | null = null
  private readonly overlay = new Overlay()
  private readonly pointer: PanePointer

  /** `root`: the element around the panes. */
  constructor(
    root: HTMLElement,
    private readonly events: CorrectingEvents,
  ) {
    this.pointer = new PanePointer(root, {
      surfaces: () => this.surfaces,
      press: (spot) => this.press(spot),
      drag: (spots) => this.tool?.drag?.(this, spots),
      release: (spot) => this.release(spot),
      hover: (spot) => this.hover(spot),
      size: (steps) => this.resize(steps),
      active: () => this.session !== null && this.tool !== null,
    })
  }

  // what is corrected

  get open(): boolean {
    return this.session !== null
  }

  get job(): string {
    return this.session!.job
  }

  get editor(): Editor {
    return this.session!.editor
  }

  get volume(): LabelVolume {
    return this.session!.labels.volume
  }

  get scan(): Grid {
    return this.session!.labels.scan
  }

  get labels(): LabelsOnScreen {
    return this.session!.labels
  }

  get unit(): 'mm' | 'px' {
    return this.labels.unit
  }

  /** Begins with the labels on screen of a job; `slot`: the label that is painted at first. */
  begin(job: string, viewer: Viewer, labels: LabelsOnScreen, slot: number): Editor {
    const editor = new Editor(labels.volume)
    const before = new Before(editor, labels.changed)
    editor.listen(({ slices }) => labels.changed(slices))
    this.session = { job, viewer, labels, editor, before }
    this.slot = slot
    this.radius = limited(Number(recall(RADIUS, '')) || 8 * this.finest, this.finest)
    this.take(TOOLS[0]!)
    return editor
  }

  end(): void {
    if (this.session === null) return
    this.showBefore(false)
    this.cancelWork()
    this.work = null
    this.forget()
    this.editor.end()
    this.tool = null
    this.at = null
    this.session = null
    this.overlay.clear()
  }

  // tools

  /** Takes a tool, or puts it down (null): then the pointer moves the crosshair. */
  take(tool: Tool | null): void {
    if (!this.free) return
    if (tool?.run !== undefined) {
      tool.run(this)
      return
    }
    this.forget()
    this.tool = tool
    const keys =
      tool?.place === undefined ? '' : ' At the crosshair, the key of the full stop uses it.'
    this.say(
      tool === null ? 'The pointer moves the crosshair.' : `${tool.name}: ${tool.hint}${keys}`,
    )
    this.changed()
  }

  keys(): Keys {
    if (this.session === null) return {}
    const tools = TOOLS.map((tool) => [tool.key, () => this.take(tool)])
    const labels = this.choices.slice(0, 9).map((slot, n) => [n + 1, () => this.choose(slot)])
    return {
      ...(Object.fromEntries([...tools, ...labels]) as Keys),
      '.': () => this.place(),
      ...(onControl() ? {} : { Enter: () => this.confirm() }),
      d: () => this.setBall(!this.ball),
      l: () => this.lock(this.slot, !this.editor.protection.locked.has(this.slot)),
      '[': () => this.resize(-1),
      ']': () => this.resize(1),
      j: () => this.nextChanged(1),
      k: () => this.nextChanged(-1),
      ' ': () => this.showBefore(true),
      'Mod+z': () => this.undo(),
      'Mod+Shift+z': () => this.redo(),
      'Mod+y': () => this.redo(),
      Escape: () => this.escape(),
      'Shift+ArrowLeft': () => this.step(-1, 0),
      'Shift+ArrowRight': () => this.step(1, 0),
      'Shift+ArrowUp': () => this.step(0, -1),
      'Shift+ArrowDown': () => this.step(0, 1),
    }
  }

  /** Whether labels may be changed now; the labels of the correction are on screen then. */
  get free(): boolean {
    if (this.session === null) return false
    this.showBefore(false)
    return !this.busy
  }

  private press(spot: Spot): boolean {
    const { tool, session } = this
    if (session === null || tool?.press === undefined) return false
    session.viewer.use(spot.surface.plane)
    if (!this.free || this.isLocked()) return true
    tool.press(this, spot)
    return true
  }

  private release(spot: Spot | null): void {
    const last = spot ?? this.at
    if (this.session !== null && last !== null) this.tool?.release?.(this, last)
    this.changed()
  }

  private hover(spot: Spot | null): void {
    if (this.session === null) return
    this.at = spot
    if (spot !== null) this.tool?.hover?.(this, spot)
    this.redraw()
  }

  /** The tool acts at the crosshair. */
  private place(): void {
    const { spot, tool } = this
    if (tool?.place === undefined || spot === null || !this.free || this.isLocked()) return
    this.at = spot
    tool.place(this, spot)
    this.redraw()
    this.changed()
  }

  /** A locked label gets no voxels, which is said. */
  private isLocked(): boolean {
    const locked = this.tool?.id !== 'eraser' && this.editor.protection.locked.has(this.slot)
    if (locked) this.say(`${this.nameOf(this.slot)} is locked. Unlock it, or choose another label.`)
    return locked
  }

  private confirm(): void {
    if (this.tool?.confirm === undefined || !this.free || this.isLocked()) return
    if (this.tool.confirm(this)) this.changed()
  }

  private escape(): void {
    if (this.busy) {
      this.cancelWork()
      return
    }
    this.pointer.drop()
    if (this.tool?.cancel?.(this) !== true) this.take(null)
    this.changed()
  }

  private forget(): void {
    this.pointer.drop()
    this.tool?.cancel?.(this)
  }

  get spot(): Spot | null {
    const { session } = this
    if (session === null) return null
    const { viewer } = session
    const surface = this.surfaces.find(({ plane }) => plane === viewer.active) ?? this.surfaces[0]
    return surface === undefined ? null : spotAt(surface, surface.toPixel(viewer.crosshair))
  }

  async later(
    name: string,
    edits: Promise<Edit[] | null>,
    cancel: (() => void) | null = null,
  ): Promise<boolean> {
    const { session } = this
    const work = { cancel }
    this.work = work
    this.events.began()
    this.changed()
    try {
      const all = await edits
      return this.session === session && session !== null && this.finish(name, all)
    } catch (error) {
      if (this.session === session) this.events.failed(problemOf(error))
      return false
    } finally {
      if (this.work === work) this.work = null
      this.changed()
    }
  }

  /** `edits`: null if the reader ended the wait. */
  private finish(name: string, edits: Edit[] | null): boolean {
    const changed = edits !== null && this.editor.apply(edits, name)
    if (!changed) this.say(edits === null ? `${name}: cancelled.` : nothingText(name, this))
    return changed
  }

  /** Whether a tool works, so that nothing else may change the labels. */
  get busy(): boolean {
    return this.work !== null
  }

  /** Whether the reader can end the wait for it. */
  get stoppable(): boolean {
    return (this.work?.cancel ?? null) !== null
  }

  cancelWork(): void {
    this.work?.cancel?.()
  }

  say(text: string): void {
    this.events.say(text)
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
    this.forget()
    const name = this.editor[what]()
    this.say(name === null ? `There is nothing to ${what}.` : `${done}: ${name}.`)
    this.changed()
  }

  /** Shows the mask as it was before the correction, until this is called with false. */
  showBefore(on: boolean): void {
    if (this.session === null || this.busy) return
    if (on) this.forget()
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
    else this.session.viewer.scroll((index - slice.index) * slice.next)
  }

  // labels

  /** Slots that can be painted. */
  get choices(): number[] {
    const { legend } = this.labels
    if (!legend.instances) return legend.labels.map(({ value }) => legend.slotOf(value))
    const used = [...this.editor.counts.keys()].filter(
      (slot) => slot > 0 && this.editor.counts[slot]! > 0,
    )
    const next = Math.max(0, ...used) + 1
    return legend.valueOf(next) === 0 ? used : [...used, next]
  }

  nameOf(slot: number): string {
    return slot === 0 ? 'background' : this.labels.legend.nameOf(this.labels.legend.valueOf(slot))
  }

  choose(slot: number): void {
    this.slot = slot
    this.say(`Chosen label: ${this.nameOf(slot)}.`)
    this.changed()
  }

  lock(slot: number, on: boolean): void {
    const locked = new Set(this.editor.protection.locked)
    if (on) locked.add(slot)
    else locked.delete(slot)
    this.editor.protection = { ...this.editor.protection, locked }
    this.say(`${this.nameOf(slot)} is ${on ? '' : 'not '}locked.`)
    this.changed()
  }

  /** Only voxels of this slot are changed; null: of any. */
  changeOnly(slot: number | null): void {
    this.editor.protection = { ...this.editor.protection, only: slot }
    this.changed()
  }

  // the brush

  radius = 1

  get ball(): boolean {
    return this.scan.dims[2] > 1 && recall(BALL, 'false') === 'true'
  }

  setBall(on: boolean): void {
    if (this.scan.dims[2] === 1) return
    remember(BALL, String(on))
    this.say(on ? 'Painting in 3D.' : 'Painting on the slice.')
    this.changed()
  }

  /** The smallest side of a voxel, in mm. */
  get finest(): number {
    return Math.min(
      ...this.volume.spacing.filter((_, axis) => this.scan.dims[axis]! > 1 || axis < 2),
    )
  }

  resize(steps: number): void {
    this.setRadius(resized(this.radius, steps, this.finest))
  }

  setRadius(radius: number): void {
    this.radius = limited(radius, this.finest)
    remember(RADIUS, String(this.radius))
    this.changed()
  }

  // drawing

  private step(right: number, down: number): void {
    this.session?.viewer.step(right, down)
    this.at = this.spot // the brush is drawn where a key acts
    this.redraw()
  }

  private get surfaces(): DrawingSurface[] {
    return this.session?.viewer.drawingSurfaces ?? []
  }

  private changed(): void {
    this.redraw()
    this.events.changed()
  }

  redraw(): void {
    if (this.session === null) return
    const { at, tool, radius, ball } = this
    const surfaces = this.surfaces
    // The pane may show another slice, or another part of it, since the pointer moved.
    const surface = surfaces.find(({ root }) => root === at?.surface.root)
    const spot = at === null || surface === undefined ? null : spotAt(surface, at.at)
    const shown = spot !== null && tool?.cursor === 'ring'
    const ring = shown ? { spot, radius, ball, spacing: this.volume.spacing } : null
    this.overlay.draw(surfaces, ring, (on) => tool?.draw?.(this, on) ?? [])
  }
}

/** Whether Enter is that of the control that has the focus. */
function onControl(): boolean {
  return document.activeElement?.matches('button, a, summary') === true
}

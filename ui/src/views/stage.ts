/** The image area: panes, tools, and the values under the crosshair. */

import { cornerFacts } from '../corner_facts'
import { element, fill } from '../element'
import { roveToolbar } from '../roving'
import type { Point, Problem, Scan } from '../schemas'
import type { Tiled } from '../tiles'
import { pressed, toggle, toggleButton } from '../toggle'
import type { Legend } from '../viewer/legend'
import type { Controls, Readout, TiledViewer, View, Viewer, ViewerEvents } from '../viewer/port'
import { fullScreenButton } from './full_screen'
import { MaskTools } from './mask_tools'
import { problemBox } from './messages'
import { readoutText } from './readout'
import { ViewChoice } from './view_choice'
import { WindowChoice } from './window_choice'

const CONTEXT_LOST: Problem = {
  title: 'The image was lost',
  status: 0,
  detail: 'The browser released the graphics memory of this page.',
  hint: 'Reload the page. If it happens again, close other pages that use 3D graphics.',
}
const WINDOW_REFUSED =
  'The window of the file shows almost nothing of this scan: the automatic window is used (W: next).'
const INCOMPLETE: Problem = {
  title: 'The image is not complete',
  status: 0,
  detail: 'A part of the image or of its mask could not be loaded. Labels may be missing there.',
  hint: 'Check the connection to the service, then reload the page.',
}

export class Stage {
  readonly root: HTMLElement
  /** The viewer of the scan on screen; null if the browser cannot draw it. */
  viewer: Controls | null = null
  private starting: Promise<Viewer | null> | null = null
  /** Number of calls of `blank`: a viewer that was asked for before is not used. */
  private turn = 0
  private tiled: TiledViewer | null = null
  private legend: Legend | null = null
  private flat = false
  /** Of the values; empty if it is not known. */
  private unit = ''
  /** The element around the panes. */
  readonly screen = element('div.screen', {
    id: 'view',
    tabindex: 0,
    role: 'group',
    'aria-label': 'The scan with its mask. The values under the crosshair are shown below.',
  })
  private readonly cover = element('div.cover', { 'aria-live': 'polite' })
  private readonly readout = element('output.readout', {
    id: 'readout',
    'aria-label': 'Values under the crosshair',
  })
  private readonly notice = element('span.notice')
  private readonly loading = element('p.loading-mask', { role: 'status' })
  private readonly views = new ViewChoice(
    (view) => this.setView(view),
    () => this.screen.focus(),
  )
  readonly mask = new MaskTools((style) => {
    if (this.viewer !== null) this.viewer.mask = style
  })
  private readonly invert = toggleButton('Invert', 'Invert the grey values (I)', false, () =>
    this.toggleInverted(),
  )
  private readonly windows = new WindowChoice(() => this.screen.focus()) // keys act on the image
  /** Whether the scan on screen is drawn inverted at first. */
  private startsInverted = false

  /** `measuring`: tools for it; `drawn` is called when the panes were drawn. */
  constructor(
    private readonly measuring: HTMLElement,
    private readonly drawn: () => void,
  ) {
    this.root = this.layout()
  }

  /** The viewer, started at the first call; null if the browser cannot draw. */
  async ready(): Promise<Viewer | null> {
    const { turn } = this
    this.starting ??= this.start()
    const viewer = await this.starting
    if (viewer === null) this.starting = null // loading its code may succeed the next time
    this.use(viewer, turn)
    return viewer
  }

  /** The viewer of images in tiles, started at the first call. */
  async readyForTiles(): Promise<TiledViewer> {
    const { turn } = this
    const { openTiledViewer } = await import('../viewer/tiled_viewer')
    this.tiled ??= openTiledViewer(this.screen, this.events())
    this.use(this.tiled, turn)
    return this.tiled
  }

  /** The tools and keys act on this viewer, unless another scan was opened while it started. */
  private use(viewer: Controls | null, turn: number): void {
    if (turn !== this.turn) return
    this.viewer = viewer
    this.mask.apply()
  }

  private async start(): Promise<Viewer | null> {
    try {
      const { openViewer } = await import('../viewer/viewer')
      return openViewer(this.screen, this.events())
    } catch {
      return null
    }
  }

  private events(): ViewerEvents {
    return {
      readout: (readout) => this.showReadout(readout),
      view: (view) => this.setView(view),
      window: () => this.windows.other(),
      lost: () => this.lost(CONTEXT_LOST),
      incomplete: () => this.lost(INCOMPLETE),
      drawn: this.drawn,
    }
  }

  /** The viewer, if it shows the scan voxel by voxel: not an image in tiles. */
  get planar(): Viewer | null {
    return this.viewer === this.tiled ? null : (this.viewer as Viewer | null)
  }

  /** Clears the image and shows a message. */
  blank(text: string): void {
    this.turn += 1
    this.root.dataset.scan = 'none'
    this.root.dataset.mask = 'none'
    this.legend = null
    this.viewer?.clear()
    this.mask.show()
    this.readout.value = ''
    this.notice.textContent = ''
    this.announce('')
    this.message(text)
  }

  /** Shows a message instead of the image; null shows the image again. */
  message(text: string | null, ...more: HTMLElement[]): void {
    this.cover.hidden = text === null
    if (text !== null) fill(this.cover, text !== '' && element('p', {}, text), ...more)
  }

  /** Says over the image what is being loaded; empty: nothing. */
  announce(text: string): void {
    this.loading.textContent = text
  }

  /** Whether a mask is on screen. */
  get hasMask(): boolean {
    return this.root.dataset.mask === 'shown'
  }

  fail(problem: Problem, ...actions: HTMLElement[]): void {
    this.message('', problemBox(problem, ...actions))
  }

  /** Shows the preview that the service drew, with the reason. */
  still(address: string, reason: string): void {
    this.root.dataset.scan = 'still'
    this.message(
      reason,
      element('img', { src: address, alt: 'The scan with its mask drawn over it', id: 'still' }),
    )
  }

  async showScan(viewer: Viewer, file: ArrayBuffer, scan: Scan): Promise<void> {
    const { dimension, window = null, windows = [], inverted = false } = scan
    const start = { facts: cornerFacts(scan), window, inverted, ct: scan.modality === 'CT' }
    this.flat = dimension === 2 // before the first values under the crosshair are reported
    this.unit = scan.value_unit ?? ''
    if (!(await viewer.show(file, dimension, start))) return
    this.startsInverted = inverted
    this.views.root.hidden = this.flat
    this.root.dataset.scan = 'shown'
    this.windows.show(viewer, windows)
    this.invert.hidden = false
    this.invert.ariaPressed = String(inverted)
    this.setView(this.flat ? 'axial' : this.views.remembered)
    this.notice.textContent = noticeOf(viewer)
  }

  showTiles(viewer: TiledViewer, image: Tiled): void {
    viewer.open(image)
    this.flat = true
    this.views.root.hidden = true
    this.windows.hide()
    this.unit = ''
    this.invert.hidden = true
    this.root.dataset.scan = 'shown'
  }

  showMaskTiles(viewer: TiledViewer, labels: Tiled, legend: Legend): void {
    this.legend = legend
    viewer.cover(labels, legend)
    this.root.dataset.mask = 'shown'
  }

  async showMask(viewer: Viewer, file: ArrayBuffer, legend: Legend): Promise<void> {
    this.legend = legend
    if (!(await viewer.overlay(file, legend))) return
    this.root.dataset.mask = 'shown'
  }

  /** Moves the crosshair to a point, or to the nearest voxel of a label. */
  jump(world: Point, value?: number): void {
    this.viewer?.jump(world, value)
  }

  toggleCrosshair(): void {
    this.screen.classList.toggle('no-crosshair')
  }

  setView(view: View): void {
    if (this.viewer === null) return
    this.viewer.view = view
    if (!this.flat) this.views.show(view)
  }

  setViewByKey(key: string): void {
    const view = this.views.byKey(key)
    if (view !== undefined && !this.flat) this.setView(view)
  }

  toggleInverted(): void {
    if (this.viewer === null) return
    this.viewer.inverted = toggle(this.invert)
  }

  /** Sets a window for CT; does nothing for other scans. */
  setPresetByKey(key: string): void {
    this.windows.setByKey(key)
  }

  nextWindow(): void {
    this.windows.next()
  }

  /** The window of the start: the file's, or the automatic one. */
  resetWindow(): void {
    this.viewer?.resetWindow()
    this.windows.first()
  }

  private layout(): HTMLElement {
    const tool = (label: string, title: string, onclick: () => void): HTMLButtonElement =>
      element('button', { type: 'button', title, 'aria-label': title, onclick }, label)
    const tools = element(
      'div.tools',
      { role: 'toolbar', 'aria-label': 'Image' },
      this.views.root,
      this.mask.root,
      element(
        'div.group',
        { role: 'group', 'aria-label': 'Grey values' },
        this.windows.root,
        this.invert,
      ),
      this.measuring,
      element(
        'div.group',
        { role: 'group', 'aria-label': 'Zoom' },
        tool('−', 'Zoom out (-)', () => this.viewer?.zoom(1 / 1.25)),
        tool('+', 'Zoom in (+)', () => this.viewer?.zoom(1.25)),
        tool('Reset', 'Reset zoom, position and window (0)', () => this.reset()),
        fullScreenButton(),
      ),
    )
    roveToolbar(tools)
    return element(
      'div.stage',
      { 'data-scan': 'none', 'data-mask': 'none' },
      tools,
      element('div.canvas', {}, this.screen, this.loading, this.mask.note, this.cover),
      element('div.under', {}, this.readout, this.notice),
    )
  }

  reset(): void {
    this.viewer?.resetZoom()
    this.resetWindow()
    if (pressed(this.invert) !== this.startsInverted) this.toggleInverted()
  }

  private showReadout(readout: Readout): void {
    const rows = this.flat ? (this.viewer?.rows ?? 1) : null
    const unit = this.viewer === this.tiled ? null : this.unit
    this.readout.value = readoutText(readout, { rows, unit, legend: this.legend })
  }

  private lost(problem: Problem): void {
    const reload = element('button', { type: 'button', onclick: () => location.reload() }, 'Reload')
    this.fail(problem, reload)
  }
}

/** What a reader must know of how the scan is shown. */
function noticeOf({ reduction, windowRefused }: Controls): string {
  const reduced = `The scan is shown at 1/${reduction} of its resolution. The measurements use the full resolution.`
  return [reduction > 1 && reduced, windowRefused && WINDOW_REFUSED]
    .filter((text) => text !== false)
    .join(' ')
}

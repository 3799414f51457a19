/** The image area: canvas, tools, and the values under the crosshair. */

import { element, fill } from '../element'
import { recall, remember } from '../preferences'
import type { Point, Problem } from '../schemas'
import type { Legend } from '../viewer/legend'
import type { Readout, View, Viewer } from '../viewer/viewer'
import { problemBox } from './messages'

const VIEWS: [View, string, string][] = [
  ['planes', '3 planes', '1'],
  ['axial', 'Axial', '2'],
  ['coronal', 'Coronal', '3'],
  ['sagittal', 'Sagittal', '4'],
  ['solid', '3D', '5'],
]

export class Stage {
  readonly root: HTMLElement
  /** Null if the browser cannot draw. */
  viewer: Viewer | null = null
  private starting: Promise<Viewer | null> | null = null
  private legend: Legend | null = null
  private flat = false
  private masked = true
  private readonly canvas = element('canvas', {
    id: 'view',
    tabindex: 0,
    role: 'img',
    'aria-label': 'The scan with its mask. The values under the crosshair are shown below.',
  })
  private readonly cover = element('div.cover', { 'aria-live': 'polite' })
  private readonly readout = element('output.readout', {
    id: 'readout',
    'aria-label': 'Values under the crosshair',
  })
  private readonly notice = element('span.notice')
  private readonly views = element('div.group', { role: 'group', 'aria-label': 'View' })
  private readonly opacity: HTMLInputElement
  private readonly percent = element('output', { for: 'opacity' })
  private readonly shown: HTMLButtonElement
  private readonly outline: HTMLButtonElement

  constructor() {
    this.opacity = element('input', {
      type: 'range',
      id: 'opacity',
      'aria-label': 'Opacity of the mask',
      title: 'Opacity of the mask ( [ and ] )',
      min: 0,
      max: 100,
      step: 5,
      value: recall('opacity', '50'),
      oninput: () => this.applyOpacity(),
    })
    this.shown = element(
      'button',
      {
        type: 'button',
        'aria-pressed': 'true',
        title: 'Show or hide the mask (M)',
        onclick: () => this.toggleMask(),
      },
      'Mask',
    )
    this.outline = element(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        title: 'Show only the outline of the mask (O)',
        onclick: () => this.toggleOutline(),
      },
      'Outline',
    )
    fill(this.views, ...VIEWS.map(([view, label, key]) => this.viewButton(view, label, key)))
    this.root = this.layout()
  }

  /** The viewer, started at the first call; null if the browser cannot draw. */
  async ready(): Promise<Viewer | null> {
    this.starting ??= this.start()
    const viewer = await this.starting
    if (viewer === null) this.starting = null // loading its code may succeed the next time
    return viewer
  }

  private async start(): Promise<Viewer | null> {
    try {
      const { Viewer } = await import('../viewer/viewer')
      this.viewer = await Viewer.on(this.canvas, (readout) => this.showReadout(readout))
      this.canvas.addEventListener('webglcontextlost', () => this.contextLost())
      this.applyOpacity()
    } catch {
      this.viewer = null
    }
    return this.viewer
  }

  /** Clears the canvas and shows a message. */
  blank(text: string): void {
    this.root.dataset.scan = 'none'
    this.root.dataset.mask = 'none'
    this.legend = null
    this.viewer?.clear()
    this.readout.value = ''
    this.message(text)
  }

  /** Shows a message instead of the image; null shows the image again. */
  message(text: string | null, ...more: HTMLElement[]): void {
    this.cover.hidden = text === null
    if (text !== null) fill(this.cover, text !== '' && element('p', {}, text), ...more)
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

  async showScan(viewer: Viewer, file: ArrayBuffer, dimension: 2 | 3): Promise<void> {
    if (!(await viewer.show(file, dimension))) return
    this.flat = dimension === 2
    this.views.hidden = this.flat
    this.root.dataset.scan = 'shown'
    this.setView(this.flat ? 'axial' : (recall('view', 'planes') as View))
    this.notice.textContent =
      viewer.reduction > 1
        ? `The scan is shown at 1/${viewer.reduction} of its resolution. The measurements use the full resolution.`
        : ''
    this.applyOpacity()
  }

  async showMask(viewer: Viewer, file: ArrayBuffer, legend: Legend): Promise<void> {
    this.legend = legend
    if (!(await viewer.overlay(file, legend))) return
    if (this.outline.ariaPressed === 'true') viewer.outline = true
    this.root.dataset.mask = 'shown'
    this.applyOpacity()
  }

  /** Moves the crosshair to a point. */
  jump(world: Point): void {
    this.viewer?.jump(world)
  }

  setView(view: View): void {
    if (this.viewer === null) return
    this.viewer.view = view
    if (!this.flat) remember('view', view)
    for (const button of this.views.children) {
      button.setAttribute('aria-pressed', String((button as HTMLElement).dataset.view === view))
    }
  }

  setViewByKey(key: string): void {
    const match = VIEWS.find(([, , shortcut]) => shortcut === key)
    if (match !== undefined && !this.flat) this.setView(match[0])
  }

  changeOpacity(by: number): void {
    this.opacity.value = String(Number(this.opacity.value) + by)
    this.applyOpacity()
  }

  toggleMask(): void {
    this.masked = !this.masked
    this.shown.ariaPressed = String(this.masked)
    this.applyOpacity()
  }

  toggleOutline(): void {
    const on = this.outline.ariaPressed !== 'true'
    this.outline.ariaPressed = String(on)
    if (this.viewer !== null && this.legend !== null) this.viewer.outline = on
  }

  private applyOpacity(): void {
    const value = Number(this.opacity.value)
    this.percent.value = `${value} %`
    remember('opacity', String(value))
    if (this.viewer !== null) this.viewer.opacity = this.masked ? value / 100 : 0
  }

  private layout(): HTMLElement {
    const tool = (label: string, title: string, onclick: () => void): HTMLButtonElement =>
      element('button', { type: 'button', title, 'aria-label': title, onclick }, label)
    return element(
      'div.stage',
      { 'data-scan': 'none', 'data-mask': 'none' },
      element(
        'div.tools',
        { role: 'toolbar', 'aria-label': 'Image' },
        this.views,
        element(
          'div.group',
          { role: 'group', 'aria-label': 'Mask' },
          this.shown,
          this.opacity,
          this.percent,
          this.outline,
        ),
      ),
      element('div.canvas', {}, this.canvas, this.cover),
      element(
        'div.under',
        {},
        this.readout,
        this.notice,
        tool('−', 'Zoom out (-)', () => this.viewer?.zoom(1 / 1.25)),
        tool('+', 'Zoom in (+)', () => this.viewer?.zoom(1.25)),
        tool('Reset', 'Reset zoom, brightness and contrast (0)', () => this.reset()),
      ),
    )
  }

  reset(): void {
    this.viewer?.resetZoom()
    this.viewer?.resetWindow()
  }

  private viewButton(view: View, label: string, key: string): HTMLElement {
    return element(
      'button',
      {
        type: 'button',
        'data-view': view,
        'aria-pressed': 'false',
        title: `${label} (${key})`,
        onclick: () => this.setView(view),
      },
      label,
    )
  }

  private showReadout({ world, voxel, values, label }: Readout): void {
    const value = values.map((v) => String(Number(v.toPrecision(5)))).join(' ')
    const position = this.flat
      ? [`column ${voxel[0]}`, `row ${this.rowOf(voxel[1])}`]
      : [`${world.map((mm) => mm.toFixed(1)).join(', ')} mm (RAS)`, `voxel ${voxel.join(', ')}`]
    const parts = [...position, value === '' ? 'outside the scan' : `value ${value}`]
    if (label !== 0 && this.legend !== null) parts.unshift(this.legend.nameOf(label))
    this.readout.value = parts.join('  ·  ')
  }

  /** The last row of an image is at j = 0 of its volume. */
  private rowOf(j: number): number {
    return (this.viewer?.rows ?? 1) - 1 - j
  }

  private contextLost(): void {
    this.fail(
      {
        title: 'The image was lost',
        status: 0,
        detail: 'The browser released the graphics memory of this page.',
        expected: '',
        hint: 'Reload the page. If it happens again, close other pages that use 3D graphics.',
      },
      element('button', { type: 'button', onclick: () => location.reload() }, 'Reload'),
    )
  }
}

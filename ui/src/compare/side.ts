/** One of two images: its caption, its viewer, and the values under its crosshair. */

import { cornerFacts } from '../corner_facts'
import { element, fill } from '../element'
import type { Problem, Scan } from '../schemas'
import { MAX_VOXELS, voxels } from '../text'
import { inTiles } from '../tiles'
import type { Legend } from '../viewer/legend'
import type { Grid } from '../viewer/nifti'
import type { Readout, View, Viewer } from '../viewer/port'
import { problemBox } from '../views/messages'
import { WindowChoice } from '../views/window_choice'

const LOST: Problem = {
  title: 'The image was lost',
  status: 0,
  detail: 'The browser released the graphics memory of this page.',
  hint: 'Reload the page. If it happens again, close other pages that use 3D graphics.',
}
const TOO_LARGE =
  'An image in tiles or of this size cannot be drawn beside another one. The numbers on the right are of the whole masks.'
const NO_WEBGL =
  'This browser cannot draw scans, because it has no WebGL 2. The numbers on the right are of the whole masks.'

export interface SideEvents {
  drawn: () => void
  /** The reader uses this side: keys act on it. */
  used: () => void
  window: () => void
  view: (view: View) => void
}

export class Side {
  readonly root: HTMLElement
  readonly windows: WindowChoice
  viewer: Viewer | null = null
  private starting: Promise<Viewer | null> | null = null
  private legend: Legend | null = null
  private scan: Scan | null = null
  private readonly screen: HTMLElement
  private readonly caption = element('h2')
  private readonly cover = element('div.cover', { 'aria-live': 'polite' })
  private readonly readout = element('output.readout')

  constructor(
    readonly name: 'A' | 'B',
    private readonly events: SideEvents,
  ) {
    this.screen = element('div.screen', {
      tabindex: 0,
      role: 'group',
      'aria-label': `Image ${name}. The values under the crosshair are shown below.`,
      onfocus: events.used,
      onpointerdown: events.used,
    })
    this.readout.setAttribute('aria-label', `Values under the crosshair of ${name}`)
    this.windows = new WindowChoice(() => {
      this.screen.focus()
      events.window()
    })
    this.windows.root.id = `window-${name}`
    this.windows.root.ariaLabel = `Window of ${name}`
    this.root = element(
      'section.image',
      { 'aria-label': `Image ${name}`, 'data-side': name, 'data-scan': 'none' },
      element('header', {}, element('b.letter', {}, name), this.caption, this.windows.root),
      element('div.canvas', {}, this.screen, this.cover),
      element('div.under', {}, this.readout),
    )
  }

  /** What is shown, without the letter. */
  set title(text: string) {
    this.caption.textContent = text
    this.caption.title = text
  }

  message(text: string | null): void {
    this.cover.hidden = text === null
    if (text !== null) fill(this.cover, text !== '' && element('p', {}, text))
  }

  fail(problem: Problem): void {
    this.cover.hidden = false
    fill(this.cover, problemBox(problem))
  }

  /** Frees the memory of the scan. */
  clear(text = ''): void {
    this.viewer?.clear()
    this.viewer = null
    this.legend = null
    this.scan = null
    this.root.dataset.scan = 'none'
    this.root.dataset.mask = 'none'
    this.readout.value = ''
    this.windows.hide()
    this.message(text)
  }

  /** The viewer, started at the first call, for a scan that it can draw; else null, and said. */
  async ready(scan: Scan): Promise<Viewer | null> {
    if (inTiles(scan) || voxels(scan) > MAX_VOXELS) {
      this.message(TOO_LARGE)
      return null
    }
    this.starting ??= this.start()
    const viewer = await this.starting
    if (viewer === null) {
      this.starting = null
      this.message(NO_WEBGL)
    }
    return viewer
  }

  private async start(): Promise<Viewer | null> {
    try {
      const { openViewer } = await import('../viewer/viewer')
      const events = {
        readout: (readout: Readout) => this.show(readout),
        view: this.events.view,
        window: () => {
          this.windows.other()
          this.events.window()
        },
        lost: () => this.fail(LOST),
        incomplete: () => {},
        drawn: this.events.drawn,
      }
      return openViewer(this.screen, events, `${this.name}-`)
    } catch {
      return null
    }
  }

  /** Shows a scan, or the one that another side shows; false if it is outdated. */
  async showScan(viewer: Viewer, scan: Scan, from: ArrayBuffer | Viewer): Promise<boolean> {
    const { dimension, window = null, windows = [], inverted = false } = scan
    const start = { facts: cornerFacts(scan), window, inverted, ct: scan.modality === 'CT' }
    this.viewer = viewer
    this.scan = scan
    const shown =
      from instanceof ArrayBuffer ? viewer.show(from, dimension, start) : viewer.share(from)
    if (!(await shown)) return false
    this.root.dataset.scan = 'shown'
    this.windows.show(viewer, windows)
    this.message(null)
    return true
  }

  async showMask(mask: ArrayBuffer | Grid, legend: Legend): Promise<void> {
    this.legend = legend
    if (this.viewer !== null && (await this.viewer.overlay(mask, legend))) {
      this.root.dataset.mask = 'shown'
    }
  }

  resetWindow(): void {
    this.viewer?.resetWindow()
    this.windows.first()
  }

  focus(): void {
    this.screen.focus()
  }

  toggleCrosshair(): void {
    this.screen.classList.toggle('no-crosshair')
  }

  private show({ world, voxel, values, label }: Readout): void {
    const flat = this.scan?.dimension === 2
    const rows = this.viewer?.rows ?? 1
    const name = label === 0 || this.legend === null ? '' : this.legend.nameOf(label)
    const value = values.map((one) => String(Number(one.toPrecision(5)))).join(' ')
    const position = flat
      ? [`column ${voxel[0]}`, `row ${rows - 1 - voxel[1]}`]
      : [`${world.map((mm) => mm.toFixed(1)).join(', ')} mm (RAS)`]
    const parts = [name, ...position, `value ${value} ${this.scan?.value_unit ?? ''}`.trim()]
    this.readout.value = parts.filter((part) => part !== '').join('  ·  ')
  }
}

/** The two images of a comparison: loaded, linked, and drawn side by side or as a difference. */

import * as api from '../api'
import { element } from '../element'
import { reader } from '../reader'
import type { Point, Scan } from '../schemas'
import { Legend } from '../viewer/legend'
import { decode } from '../viewer/nifti'
import type { MaskStyle, View, Viewer } from '../viewer/port'
import { Alignment, positionsOf } from './alignment'
import { middleOf, overlap } from './boxes'
import { differenceLegend, matchedLegend } from './difference_legend'
import { Link, turned } from './link'
import type { Loaded } from './loaded'
import { differenceOf, type MaskDifference } from './mask_difference'
import { Side } from './side'

export interface ImagesEvents {
  /** The first image was drawn. */
  drawn: () => void
  view: (view: View) => void
  /** The reader aligned two scans, in RAS+ mm. */
  aligned: (offset: Point) => void
}

export class Images {
  readonly root: HTMLElement
  readonly sides: [Side, Side]
  readonly alignment: Alignment
  /** Null without two masks on one grid. */
  difference: MaskDifference | null = null
  /** The colours of the differences. */
  colours = differenceLegend()
  private active: 0 | 1 = 0
  private loaded: Loaded | null = null
  private link: Link | null = null
  private legends: [Legend, Legend | null] | null = null
  private files: [ArrayBuffer, ArrayBuffer | null] | null = null
  private over = false
  /** Whether the middles of scans that do not overlap were put together. */
  private centred = false

  constructor(private readonly events: ImagesEvents) {
    this.sides = [this.side('A', 0), this.side('B', 1)]
    this.root = element('div.images', {}, ...this.sides.map((side) => side.root))
    this.alignment = new Alignment(
      () => this.toggleLink(),
      () => this.align([0, 0, 0]),
    )
  }

  /** The image that was used last: keys act on it. */
  get used(): Side {
    return this.sides[this.over ? 0 : this.active]
  }

  get other(): Side {
    return this.sides[this.over || this.active === 1 ? 0 : 1]
  }

  get viewers(): Viewer[] {
    return this.sides.map(({ viewer }) => viewer).filter((viewer) => viewer !== null)
  }

  clear(): void {
    this.loaded = null
    this.link = null
    this.difference = null
    this.legends = null
    this.files = null
    this.centred = false
    this.over = false
    this.active = 0
    this.colours = differenceLegend()
    for (const side of this.sides) side.clear()
    this.alignment.root.hidden = true
  }

  /**
   * Loads and draws both. `offset`: as the reader aligned the scans before, in RAS+ mm; null: not
   * at all. False if it is outdated, or one cannot be drawn.
   */
  async show(
    loaded: Loaded,
    offset: Point | null,
    view: View,
    style: MaskStyle,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.loaded = loaded
    const { scans } = loaded
    const [a, b] = this.sides
    const [first, second] = await Promise.all([a.ready(scans[0]), b.ready(scans[1])])
    if (signal.aborted || first === null || second === null) return false
    const file = await this.bytes(scans[0], a, signal)
    if (signal.aborted || !(await a.showScan(first, scans[0], file))) return false
    const other = this.sameScan ? first : await this.bytes(scans[1], b, signal)
    if (signal.aborted || !(await b.showScan(second, scans[1], other))) return false
    for (const viewer of [first, second]) {
      viewer.mask = style
      viewer.view = this.flat ? 'axial' : view
    }
    this.join(first, second, offset)
    return this.showMasks(loaded, signal)
  }

  private bytes(scan: Scan, side: Side, signal: AbortSignal): Promise<ArrayBuffer> {
    return api.bytes(`scans/${scan.id}/volume`, signal, (count) => {
      if (!signal.aborted) side.message(`Loading the scan: ${Math.ceil(count / 1e6)} MB …`)
    })
  }

  /** `arrange` draws the first mask, or the difference. */
  private async showMasks(loaded: Loaded, signal: AbortSignal): Promise<boolean> {
    const { masks, comparison } = loaded
    const [path, other] = masks.map((mask) => mask && api.maskPath(mask.ref, reader.name))
    const files = [
      await api.bytes(path!, signal),
      other ? await api.bytes(other, signal) : null,
    ] as const
    if (signal.aborted) return false
    const legend = new Legend(masks[0].model)
    const second = masks[1] === null ? null : matchedLegend(masks[1].model, legend, comparison)
    this.files = [...files]
    this.legends = [legend, second]
    if (second !== null) await this.sides[1].showMask(files[1]!, second)
    if (comparison !== null) {
      this.difference = differenceOf(decode(files[0]), decode(files[1]!), comparison)
    }
    return !signal.aborted
  }

  /** Moves the crosshair to the largest part of the first mask. */
  lookAtMask(): void {
    const { viewer } = this.sides[0]
    const label = this.loaded?.masks[0].model.labels[0]?.value
    if (viewer !== null && label !== undefined) viewer.jump(middleOf(viewer), label)
  }

  /** Draws both, or the difference over the first one. */
  async arrange(wanted: boolean): Promise<void> {
    const [a, b] = this.sides
    const over = wanted && this.difference !== null
    if (over === this.over && a.root.dataset.mask === 'shown') return
    this.over = over
    b.root.hidden = this.over
    this.root.dataset.show = this.over ? 'difference' : 'both'
    if (this.legends === null || this.files === null) return
    if (this.over) await a.showMask(this.difference!.kinds, this.colours)
    else await a.showMask(this.files[0], this.legends[0])
  }

  set view(view: View) {
    for (const viewer of this.viewers) viewer.view = view
  }

  set mask(style: MaskStyle) {
    for (const viewer of this.viewers) viewer.mask = style
  }

  recolour(): void {
    for (const viewer of this.viewers) viewer.recolour()
  }

  invert(): void {
    const inverted = this.viewers[0]?.inverted !== true
    for (const viewer of this.viewers) viewer.inverted = inverted
  }

  reset(): void {
    for (const viewer of this.viewers) viewer.resetWindow()
    for (const side of this.sides) side.windows.first()
    this.used.viewer?.resetZoom()
  }

  // windows

  /** Changes the window of the image that is used. */
  setWindow(change: (side: Side) => void): void {
    change(this.used)
    this.shareWindow(this.used)
  }

  /** Images of one scan, and two CTs, have one window. */
  private shareWindow(from: Side): void {
    const to = from === this.sides[0] ? this.sides[1] : this.sides[0]
    if (from.viewer === null || to.viewer === null) return
    if (!this.sameScan && !(from.viewer.likeCt && to.viewer.likeCt)) return
    to.viewer.window = from.viewer.window
    to.windows.root.value = from.windows.root.value
  }

  // where one looks

  private join(first: Viewer, second: Viewer, offset: Point | null): void {
    first.fitBeside(second)
    second.fitBeside(first)
    const link = new Link([first, second])
    this.link = link
    const shared = positionsOf(...this.loaded!.scans) === 'shared'
    if (offset !== null) link.offset = turned(offset, this.flat)
    else if (!shared && !overlap(first, second)) {
      this.centred = true
      const [a, b] = [first.gaze.centre, second.gaze.centre]
      link.offset = [b[0] - a[0], b[1] - a[1], b[2] - a[2]]
    } else link.offset = [0, 0, 0]
    this.showAlignment()
  }

  private drawn(side: 0 | 1): void {
    this.link?.drawn(side)
    if (side === 0) this.events.drawn()
    this.showAlignment()
  }

  /** Links the images as they look now, or lets them move apart. */
  toggleLink(): void {
    const { link } = this
    if (link === null || this.sameScan) return
    this.centred = false
    if (link.on) link.on = false
    else {
      link.here()
      this.events.aligned(turned(link.offset, this.flat))
    }
    this.showAlignment()
  }

  private align(offset: Point): void {
    if (this.link === null) return
    this.centred = false
    this.link.on = true
    this.link.offset = offset
    this.events.aligned(offset)
    this.showAlignment()
  }

  private showAlignment(): void {
    const { link, loaded, centred, flat } = this
    if (link === null || loaded === null) return
    this.alignment.show({
      positions: positionsOf(...loaded.scans),
      linked: link.on,
      offset: turned(link.offset, flat),
      centred,
      outside: this.viewers.some((viewer) => viewer.outside),
      flat,
    })
  }

  private get sameScan(): boolean {
    return this.loaded?.scans[0].id === this.loaded?.scans[1].id
  }

  private get flat(): boolean {
    return this.loaded?.scans[0].dimension === 2
  }

  private side(name: 'A' | 'B', n: 0 | 1): Side {
    return new Side(name, {
      drawn: () => this.drawn(n),
      used: () => {
        this.active = n
      },
      window: () => this.shareWindow(this.sides[n]),
      view: this.events.view,
    })
  }
}

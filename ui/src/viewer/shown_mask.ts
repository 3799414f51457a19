/** The mask over the slices and in 3D: how it is drawn, and its changes. */

import type { RenderingEngine } from '@cornerstonejs/core'
import { DrawnMask } from './drawn_mask'
import type { Legend } from './legend'
import { discard } from './library'
import { MaskEdits } from './mask_edits'
import type { MaskLayer } from './mask_layer'
import { decode, type Grid } from './nifti'
import type { LabelsOnScreen, MaskStyle } from './port'
import type { Scan } from './scan'
import type { VolumeView } from './volume_view'

export class ShownMask {
  /** Null without a mask. */
  drawn: DrawnMask | null = null
  private scan: Scan | null = null
  private layer: MaskLayer | null = null
  private look: MaskStyle = { visible: true, fill: 0.5, outline: false }
  private readonly edits: MaskEdits

  /** `changed`: other labels are on screen. */
  constructor(
    private readonly engine: RenderingEngine,
    private readonly volume: VolumeView,
    private readonly changed: () => void,
  ) {
    this.edits = new MaskEdits(
      (slices) => this.drawEdits(slices),
      () => volume.updateMask(),
    )
  }

  /** Draws a mask over the scan in these viewports. Throws if it is on another grid. */
  show(scan: Scan | null, viewports: string[], file: ArrayBuffer | Grid, legend: Legend): void {
    const grid = file instanceof ArrayBuffer ? decode(file) : file
    if (scan === null || grid.dims.some((n, axis) => n !== scan.grid.dims[axis])) {
      throw new Error('The mask is not on the grid of this scan.')
    }
    this.remove()
    const slots = scan.slotsOf(grid, legend)
    this.edits.clear()
    this.scan = scan
    this.drawn = new DrawnMask(grid, slots, legend)
    this.layer = scan.addMask(viewports, slots, legend)
    this.layer.style(this.look)
    this.volume.setMask(slots, legend)
    this.changed()
  }

  /** Removes it from the planes. */
  remove(): void {
    const { layer } = this
    this.layer = null
    this.drawn = null
    if (layer === null) return
    layer.remove()
    discard(this.engine, layer.source)
  }

  /** Removes it, and forgets its changes. */
  clear(): void {
    this.remove()
    this.edits.clear()
    this.scan = null
  }

  get style(): MaskStyle {
    return this.look
  }

  set style(style: MaskStyle) {
    this.look = style
    this.layer?.style(style)
    this.volume.style(style)
  }

  recolour(): void {
    if (this.drawn !== null) this.layer?.recolour(this.drawn.legend.colours())
    this.volume.recolour()
  }

  /** The labels, or the reason why they cannot be corrected; null without a mask. */
  get labels(): LabelsOnScreen | string | null {
    const { scan, drawn } = this
    if (scan === null || drawn === null) return null
    if (drawn.refused !== '') return drawn.refused
    const { slots: data, legend } = drawn
    const volume = { data, dims: scan.grid.dims, spacing: scan.space.spacing }
    const unit = scan.unsized ? 'px' : 'mm'
    return { volume, scan: scan.grid, legend, unit, changed: (slices) => this.edits.add(slices) }
  }

  private drawEdits(slices: readonly number[]): void {
    const { scan, drawn } = this
    if (scan === null || drawn === null) return
    if (this.layer !== null) scan.updateMask(drawn.slots, this.layer)
    this.layer?.changed(slices)
    this.changed()
  }
}

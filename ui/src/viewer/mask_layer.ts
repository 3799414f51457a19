/** The mask over the scan, as a labelmap of the library. */

import { Enums, segmentation } from '@cornerstonejs/tools'
import type { Colour4 } from './legend'
import type { MaskStyle } from './port'

const { Labelmap } = Enums.SegmentationRepresentations
/** The places of the viewers' colours: the library never frees one. */
const tables: string[] = []
const UNSEEN = 0.002 // opacity of an area that is not drawn; at 0, the library would draw 1 %

/** CSS pixels of an outline, on the inner side of the border. */
export const OUTLINE = 2

/** Where the labels are: a volume or an image in the library's cache. */
export type Source =
  | { volumeId: string; referencedVolumeId: string }
  | { imageIds: string[]; referencedImageIds: string[] }

export class MaskLayer {
  private readonly table: Colour4[]
  private readonly lut: number

  private constructor(
    private readonly viewports: string[],
    private readonly id: string,
    /** What is drawn, in the library's cache. */
    readonly source: string,
    colours: Colour4[],
  ) {
    this.table = colours.map((colour) => [...colour])
    if (!tables.includes(id)) tables.push(id)
    const place = 1 + tables.indexOf(id)
    this.lut = segmentation.config.color.addColorLUT(this.table as never, place)
  }

  /** Adds the labels to a viewer's viewports, which show their scan. */
  static add(source: Source, viewports: string[], colours: Colour4[]): MaskLayer {
    const id = `mask-${viewports[0]}`
    const segments = Object.fromEntries(
      colours.slice(1).map((_, n) => [n + 1, { segmentIndex: n + 1 }]),
    )
    segmentation.addSegmentations([
      {
        segmentationId: id,
        representation: { type: Labelmap, data: source as never },
        config: { segments },
      },
    ])
    const drawn = 'volumeId' in source ? source.volumeId : source.imageIds[0]!
    const layer = new MaskLayer(viewports, id, drawn, colours)
    const input = [{ segmentationId: id, config: { colorLUTOrIndex: layer.lut } }]
    segmentation.addLabelmapRepresentationToViewportMap(
      Object.fromEntries(viewports.map((viewport) => [viewport, input])),
    )
    return layer
  }

  /** Colours by slot: the fourth number is the opacity, 0 for a hidden label. */
  recolour(colours: Colour4[]): void {
    colours.forEach((colour, slot) => {
      if (slot === 0 || String(colour) === String(this.table[slot])) return
      this.table[slot] = [...colour]
      for (const viewport of this.viewports) this.setColour(viewport, slot, colour)
    })
  }

  private setColour(viewport: string, slot: number, colour: Colour4): void {
    const { color, visibility } = segmentation.config
    visibility.setSegmentIndexVisibility(viewport, this.which, slot, colour[3] > 0)
    color.setSegmentIndexColor(viewport, this.id, slot, [...colour])
  }

  /** Draws slices (indices along the last axis) whose labels changed. */
  changed(slices: readonly number[]): void {
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(this.id, [...slices])
  }

  style({ visible, fill, outline }: MaskStyle): void {
    segmentation.config.style.setStyle(
      { type: Labelmap },
      {
        renderFill: true,
        fillAlpha: Math.max(fill, UNSEEN),
        renderOutline: outline,
        outlineWidth: OUTLINE * window.devicePixelRatio,
        outlineOpacity: 1,
      },
    )
    for (const viewport of this.viewports) {
      segmentation.config.visibility.setSegmentationRepresentationVisibility(
        viewport,
        this.which,
        visible,
      )
      segmentation.triggerSegmentationEvents.triggerSegmentationRepresentationModified(
        viewport,
        this.id,
        Labelmap,
      )
    }
  }

  remove(): void {
    for (const viewport of this.viewports) {
      segmentation.removeSegmentationRepresentation(viewport, this.which)
    }
    segmentation.removeSegmentation(this.id)
  }

  /** Frees what the library keeps of the masks of all viewers. */
  static forget(): void {
    segmentation.removeAllSegmentationRepresentations()
    segmentation.removeAllSegmentations()
  }

  private get which(): { segmentationId: string; type: typeof Labelmap } {
    return { segmentationId: this.id, type: Labelmap }
  }
}

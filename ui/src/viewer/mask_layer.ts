/** The mask over the scan, as a labelmap of the library. */

import { Enums, segmentation } from '@cornerstonejs/tools'
import type { Colour4 } from './legend'
import type { MaskStyle } from './port'

const { Labelmap } = Enums.SegmentationRepresentations
const ID = 'mask'
const TABLE = 1 // the same place for the colours of every mask: the library never frees one
const WHICH = { segmentationId: ID, type: Labelmap } as const
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
    colours: Colour4[],
  ) {
    this.table = colours.map((colour) => [...colour])
    this.lut = segmentation.config.color.addColorLUT(this.table as never, TABLE)
  }

  /** Adds the labels to viewports that show their scan. */
  static add(source: Source, viewports: string[], colours: Colour4[]): MaskLayer {
    const segments = Object.fromEntries(
      colours.slice(1).map((_, n) => [n + 1, { segmentIndex: n + 1 }]),
    )
    segmentation.addSegmentations([
      {
        segmentationId: ID,
        representation: { type: Labelmap, data: source as never },
        config: { segments },
      },
    ])
    const layer = new MaskLayer(viewports, colours)
    const input = [{ segmentationId: ID, config: { colorLUTOrIndex: layer.lut } }]
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
    visibility.setSegmentIndexVisibility(viewport, WHICH, slot, colour[3] > 0)
    color.setSegmentIndexColor(viewport, ID, slot, [...colour])
  }

  /** Draws slices (indices along the last axis) whose labels changed. */
  changed(slices: readonly number[]): void {
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(ID, [...slices])
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
        WHICH,
        visible,
      )
      segmentation.triggerSegmentationEvents.triggerSegmentationRepresentationModified(
        viewport,
        ID,
        Labelmap,
      )
    }
  }

  remove(): void {
    segmentation.removeAllSegmentationRepresentations()
    segmentation.removeAllSegmentations()
  }
}

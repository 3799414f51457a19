/**
 * The shape of the curve from values to grey: a line, or DICOM's sigmoid (PS3.3 C.11.2.1.3.1).
 *
 * The library keeps the shape of a curve when its range is set, but does not return from its own
 * SIGMOID to a line, nor invert it. So the curve is exchanged here, and only its range is set.
 */

import { type Types, utilities } from '@cornerstonejs/core'
import type { Range, Window } from './voi'

type Viewport = Types.IStackViewport | Types.IVolumeViewport
type Curve = ReturnType<typeof utilities.createLinearRGBTransferFunction>

/** Half of the curve that is drawn, in widths of the window: beyond, it is nearly flat. */
const REACH = 2
const POINTS = 129

export class VoiShape {
  private sigmoid = false

  /** The library has drawn a new scan, as a line. */
  reset(): void {
    this.sigmoid = false
  }

  /** Exchanges the curves if the window has another shape than the one before. */
  set({ function: name }: Window, viewports: Viewport[], inverted: boolean): void {
    const sigmoid = name === 'SIGMOID'
    if (sigmoid === this.sigmoid) return
    this.sigmoid = sigmoid
    for (const viewport of viewports) {
      const curve = utilities.createLinearRGBTransferFunction({ lower: -REACH, upper: REACH })
      if (sigmoid) bend(curve)
      if (inverted) utilities.invertRgbTransferFunction(curve)
      exchange(viewport, curve)
    }
  }
}

/** Makes a sigmoid of a line, for a window of the centre 0 and the width 1. */
function bend(curve: Curve): void {
  for (let n = 0; n < POINTS; n++) {
    const x = REACH * ((2 * n) / (POINTS - 1) - 1)
    const grey = 1 / (1 + Math.exp(-4 * x))
    curve.addRGBPoint(x, grey, grey, grey)
  }
}

/** The range of the sigmoid's curve. */
export function rangeOfSigmoid({ centre, width }: Window): Range {
  return { lower: centre - REACH * width, upper: centre + REACH * width }
}

function exchange(viewport: Viewport, curve: Curve): void {
  const actor = viewport.getActors()[0]?.actor as
    | { getProperty: () => { setRGBTransferFunction: (index: number, curve: Curve) => void } }
    | undefined
  actor?.getProperty().setRGBTransferFunction(0, curve)
}

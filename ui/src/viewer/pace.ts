/** Draws 3D with fewer pixels while the view turns, where the processor has to draw them. */

import type { VolumePane } from './volume_pane'

const REST_MS = 180 // without movement, before all pixels are drawn again
/** The most pixels that a processor draws, while the view turns and when it rests. */
const VOLUME_PIXELS = [25_000, 160_000] as const // each is a ray through the volume
const SURFACE_PIXELS = [300_000, 2_000_000] as const

export class Pace {
  /** Whether no graphics card draws. */
  software = false
  private moving = false
  private timer = 0

  constructor(
    private readonly pane: VolumePane,
    private readonly redraw: () => void,
  ) {}

  /** Whether the picture may be rough for the moment. */
  get coarse(): boolean {
    return this.software && this.moving
  }

  /** The view turns. */
  move(): void {
    this.moving = true
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => this.settle(), 4 * REST_MS) // a drag may pause
  }

  /** The view may have stopped turning. */
  rest(): void {
    if (!this.moving) return
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => this.settle(), REST_MS)
  }

  private settle(): void {
    this.moving = false
    if (this.software) this.redraw()
  }

  clear(): void {
    window.clearTimeout(this.timer)
    this.moving = false
  }

  /** Sets how many pixels the library draws: it draws a smaller element, which is enlarged. */
  before(rays: boolean): void {
    const { width, height } = this.pane.size
    const pixels = width * height * window.devicePixelRatio ** 2
    const [moving, still] = rays ? VOLUME_PIXELS : SURFACE_PIXELS
    const most = this.coarse ? moving : still
    const times = this.software ? enlargement(pixels, most) : 1
    const { style } = this.pane.element
    style.width = style.height = times === 1 ? '' : `${100 / times}%`
    style.transform = times === 1 ? '' : `scale(${times})`
  }
}

/** By how much fewer pixels are enlarged, along each side. */
export function enlargement(pixels: number, most: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(pixels / most)))
}

/** When changes of the mask are drawn: the slices at the next frame, 3D after a pause. */

const PAUSE_MS = 1200

export class MaskEdits {
  private readonly slices = new Set<number>()
  private frame = 0
  private timer = 0

  /** `draw` gets the slices (indices along the last axis) that changed, `rest` follows a pause. */
  constructor(
    private readonly draw: (slices: number[]) => void,
    private readonly rest: () => void,
  ) {}

  add(slices: readonly number[]): void {
    for (const slice of slices) this.slices.add(slice)
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.flush())
    clearTimeout(this.timer)
    this.timer = window.setTimeout(this.rest, PAUSE_MS)
  }

  clear(): void {
    cancelAnimationFrame(this.frame)
    clearTimeout(this.timer)
    this.frame = 0
    this.slices.clear()
  }

  private flush(): void {
    this.frame = 0
    const slices = [...this.slices]
    this.slices.clear()
    this.draw(slices)
  }
}

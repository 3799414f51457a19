/** The window and the inversion of the grey values of the scan on screen. */

import { dragged, type Range, rangeOf, type Statistics, type Window, windowOf } from './voi'

const COLOURS: Range = { lower: 0, upper: 255 }

export interface Display {
  range: (range: Range) => void
  inverted: (inverted: boolean) => void
}

export class GreyValues {
  private statistics: Statistics | null = null
  private shown: Window | null = null
  private negative = false

  constructor(private readonly display: Display) {}

  /** A scan is shown, as the library draws a new one; without a window if it has colours. */
  show(statistics: Statistics, colour: boolean): void {
    this.statistics = statistics
    this.negative = false
    this.shown = colour ? null : windowOf(statistics.range, statistics.integers)
    this.display.range(this.range)
  }

  clear(): void {
    this.statistics = null
    this.shown = null
  }

  get window(): Window | null {
    return this.shown
  }

  set window(window: Window | null) {
    if (this.statistics === null || window === null) return
    this.shown = window
    this.display.range(this.range)
  }

  /** The values that are black and white. */
  get range(): Range {
    if (this.statistics === null || this.shown === null) return COLOURS
    return rangeOf(this.shown, this.statistics.integers)
  }

  get inverted(): boolean {
    return this.negative
  }

  set inverted(inverted: boolean) {
    if (this.statistics === null || inverted === this.negative) return
    this.negative = inverted
    this.display.inverted(inverted)
  }

  reset(): void {
    if (this.statistics === null) return
    if (this.shown === null) this.display.range(COLOURS)
    else this.window = windowOf(this.statistics.range, this.statistics.integers)
  }

  /** By a drag of (dx, dy) pixels; false without a window. */
  drag(dx: number, dy: number): boolean {
    if (this.statistics === null || this.shown === null) return false
    const { range, integers } = this.statistics
    this.window = dragged(this.shown, dx, dy, range, integers)
    return true
  }
}

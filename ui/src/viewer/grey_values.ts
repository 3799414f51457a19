/** The window and the inversion of the grey values of the scan on screen. */

import type { Start } from './port'
import {
  dragged,
  type Range,
  rangeOf,
  rounded,
  type Statistics,
  showsObject,
  type Window,
  windowOf,
} from './voi'
import { rangeOfSigmoid } from './voi_shape'

const COLOURS: Range = { lower: 0, upper: 255 }

export interface Display {
  /** `window`: the one that gives the range; null for colours. */
  range: (range: Range, window: Window | null) => void
  inverted: (inverted: boolean) => void
}

export class GreyValues {
  private statistics: Statistics | null = null
  /** The window that the file states. */
  private stated: Window | null = null
  private shown: Window | null = null
  /** Whether the stated window shows nearly nothing, so that it is not that of the start. */
  refused = false
  private negative = false
  /** The window of a drag before it was rounded: slow movements add up. */
  private dragging: Window | null = null

  constructor(private readonly display: Display) {}

  /** A scan is shown, as the library draws a new one; without a window if it has colours. */
  show(statistics: Statistics, colour: boolean, start: Pick<Start, 'window' | 'inverted'>): void {
    this.statistics = statistics
    this.refused = start.window !== null && !colour && !showsObject(start.window, statistics)
    this.stated = this.refused ? null : start.window
    this.negative = false
    this.inverted = start.inverted
    this.dragging = null
    this.shown = colour ? null : this.first
    this.display.range(this.drawn, this.shown)
  }

  clear(): void {
    this.statistics = null
    this.shown = null
    this.refused = false
  }

  get window(): Window | null {
    return this.shown
  }

  /** Has no effect on colours. */
  set window(window: Window | null) {
    if (this.shown === null || window === null) return
    this.shown = window
    this.dragging = null
    this.display.range(this.drawn, window)
  }

  /** The values that are black and white on a straight line between them. */
  get range(): Range {
    if (this.statistics === null || this.shown === null) return COLOURS
    return rangeOf(this.shown, this.statistics.integers)
  }

  /** The values at the ends of the curve that slices are drawn with. */
  private get drawn(): Range {
    return this.shown?.function === 'SIGMOID' ? rangeOfSigmoid(this.shown) : this.range
  }

  get inverted(): boolean {
    return this.negative
  }

  set inverted(inverted: boolean) {
    if (this.statistics === null || inverted === this.negative) return
    this.negative = inverted
    this.display.inverted(inverted)
  }

  /** To the window of the start, or to the one that fits the values. */
  reset(automatic: boolean): void {
    if (this.statistics === null) return
    if (this.shown === null) this.display.range(COLOURS, null)
    else this.window = automatic ? this.fitting : this.first
  }

  /** By a drag of (dx, dy) pixels; false without a window. */
  drag(dx: number, dy: number): boolean {
    if (this.statistics === null || this.shown === null) return false
    const { range, integers } = this.statistics
    const exact = dragged(this.dragging ?? this.shown, dx, dy, range, integers)
    this.window = { ...this.shown, ...(integers ? rounded(exact) : exact) }
    this.dragging = exact
    return true
  }

  private get first(): Window | null {
    return this.stated ?? this.fitting
  }

  private get fitting(): Window | null {
    const { statistics } = this
    return statistics === null ? null : windowOf(statistics.range, statistics.integers)
  }
}

/** How long the reader has worked: pauses of more than a minute are not counted. */

const LONGEST_PAUSE_MS = 60_000

export class Activity {
  private last: number
  private counted = 0

  constructor(private readonly now: () => number = Date.now) {
    this.last = now()
  }

  /** The reader did something. */
  note(): void {
    const at = this.now()
    const pause = at - this.last
    if (pause > 0 && pause <= LONGEST_PAUSE_MS) this.counted += pause
    this.last = at
  }

  /** Seconds since the last call, with one decimal; the rest is kept for the next call. */
  take(): number {
    const seconds = Math.floor(this.counted / 100) / 10
    this.counted -= 1000 * seconds
    return seconds
  }
}

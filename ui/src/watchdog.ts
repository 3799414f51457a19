/** Notices silence: a connection whose other end is gone without a word fails only after minutes. */
export class Watchdog {
  /** Whether it looks no more. */
  ended = false
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `silent` is called after `ms` without `heard`, and again each `ms`. */
  constructor(
    private readonly ms: number,
    private readonly silent: () => void,
  ) {}

  /** Starts, or starts again. */
  heard(): void {
    clearTimeout(this.timer)
    if (this.ended) return
    this.timer = setTimeout(() => {
      this.heard()
      this.silent()
    }, this.ms)
  }

  end(): void {
    this.ended = true
    clearTimeout(this.timer)
  }
}

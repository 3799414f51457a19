/** A time that begins anew when what is being loaded is there, however long that takes. */

export class Countdown {
  private timer: ReturnType<typeof setTimeout> | undefined
  private running = false
  private loading = 0

  constructor(
    private readonly ms: number,
    private readonly over: () => void,
  ) {}

  /** Begins, or begins anew. */
  start(): void {
    this.stop()
    this.running = true
    if (this.loading === 0) this.timer = setTimeout(() => this.end(), this.ms)
  }

  stop(): void {
    clearTimeout(this.timer)
    this.running = false
  }

  /** Does not run until this is loaded, or failed. */
  async waitFor(loaded: Promise<unknown>): Promise<void> {
    this.loading += 1
    clearTimeout(this.timer)
    await loaded.catch(() => {})
    this.loading -= 1
    if (this.running) this.start()
  }

  private end(): void {
    this.running = false
    this.over()
  }
}

/** Sends what was changed to the gateway: in order, one set at a time, again and again if it fails. */

import * as api from '../api'
import type { Problem } from '../schemas'
import { concatenated } from './wire'

const PAUSE_MS = 300 // after a change, so that a stroke is few sets
const LONGEST_MS = 1000 // from a change until it is sent
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 10_000
/** Somebody must sign in again; the request took too long; there were too many. */
const PASSING = [401, 408, 429]
const MOST_RUNS = 1 << 20 // in one set; the gateway refuses more than four times as many

/**
 * `elsewhere`: the draft went on in another window, or was saved or given up there. `refused`: the
 * gateway does not take the changes.
 */
export type DraftState = 'saved' | 'saving' | 'offline' | 'elsewhere' | 'refused'

interface Sending {
  number: number
  /** (start, length, value) */
  runs: Uint32Array
  seconds: number
}

/** Sends set `number` to the gateway. */
export type Send = (sending: Sending) => Promise<void>

export class DraftSync {
  state: DraftState = 'saved'
  problem: Problem | null = null
  private waiting: Uint32Array[] = []
  /** The set on its way; it is sent again until the gateway has it. */
  private sending: Sending | null = null
  private busy = false
  private timer = 0
  private since = 0
  private retryMs = FIRST_RETRY_MS
  private idle: (() => void)[] = []

  /** `number`: of the last set that the gateway has. `seconds`: spent since the last call. */
  constructor(
    public number: number,
    private readonly send: Send,
    private readonly seconds: () => number,
    private readonly changed: () => void,
  ) {}

  /** Whether the gateway does not have everything. */
  get unsaved(): boolean {
    return this.waiting.length > 0 || this.sending !== null
  }

  /** Whether the gateway will not take any more. */
  get ended(): boolean {
    return this.state === 'elsewhere' || this.state === 'refused'
  }

  /** Sends runs (start, length, value) soon. */
  add(runs: Uint32Array): void {
    if (this.ended) return
    if (this.waiting.length === 0) this.since = Date.now()
    this.waiting.push(runs)
    if (this.state === 'saved') this.become('saving')
    if (this.busy || this.state === 'offline') return
    const longest = this.since + LONGEST_MS - Date.now()
    this.wait(Math.max(0, Math.min(PAUSE_MS, longest)))
  }

  /** Sends now what waits; resolves to whether the gateway has everything. */
  async flush(): Promise<boolean> {
    if (!this.ended && this.unsaved) {
      void this.run()
      await new Promise<void>((resolve) => this.idle.push(resolve))
    }
    return !this.unsaved && !this.ended
  }

  /** The network may be back. */
  retry(): void {
    if (this.state === 'offline' && !this.busy) void this.run()
  }

  /** Another window has gone on, or the draft does not exist any more. */
  end(state: 'elsewhere' | 'refused' = 'elsewhere'): void {
    this.stop()
    this.become(state)
  }

  /** Gives up what waits. */
  stop(): void {
    clearTimeout(this.timer)
    this.waiting = []
    this.sending = null
    this.rest()
  }

  private wait(milliseconds: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.run(), milliseconds) as unknown as number
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer)
    if (this.busy || this.ended) return
    this.busy = true
    try {
      while ((this.sending ??= this.next()) !== null) {
        const { sending } = this
        if (this.state !== 'offline') this.become('saving')
        await this.send(sending)
        if (this.sending !== sending) break // stopped meanwhile
        this.sending = null
        this.number = sending.number
        this.retryMs = FIRST_RETRY_MS
        this.become('saving')
      }
      if (!this.unsaved && !this.ended) this.become('saved')
    } catch (error) {
      this.failed(api.problemOf(error))
    }
    this.busy = false
    if (this.state === 'saved' || this.ended) this.rest()
  }

  private failed(problem: Problem): void {
    this.problem = problem
    const { status, kind } = problem
    // During an update, a gateway of an earlier version may not know drafts.
    const unknown = status === 404 && kind !== 'not-found'
    const passes = status < 400 || status >= 500 || PASSING.includes(status) || unknown
    if ((status === 404 && !unknown) || status === 409) this.end('elsewhere')
    else if (!passes) this.end('refused')
    else this.tryAgain()
  }

  private tryAgain(): void {
    this.become('offline')
    this.wait(this.retryMs)
    this.retryMs = Math.min(LAST_RETRY_MS, 2 * this.retryMs)
    this.rest()
  }

  /** The next set; null if nothing waits. */
  private next(): Sending | null {
    if (this.waiting.length === 0) return null
    const all = concatenated(this.waiting)
    const rest = all.slice(3 * MOST_RUNS)
    this.waiting = rest.length === 0 ? [] : [rest]
    this.since = Date.now()
    return {
      number: this.number + 1,
      runs: all.slice(0, 3 * MOST_RUNS),
      seconds: this.seconds(),
    }
  }

  private become(state: DraftState): void {
    if (state === this.state) return
    this.state = state
    this.changed()
  }

  private rest(): void {
    for (const resolve of this.idle.splice(0)) resolve()
  }
}

/** Follows all jobs on screen by one stream of server-sent events. */

import { address } from './requests'
import type { Job } from './schemas'
import { isRefused } from './sign_in'

const SETTLE_MS = 250 // while the reader scrolls, the jobs on screen change many times
const AGAIN_MS = 5000 // the gateway refused the stream, for example because all jobs are deleted
const MOST_JOBS = 100

export class JobStreams {
  private source: EventSource | null = null
  private followed: string[] = []
  private timer = 0

  constructor(private readonly onJob: (job: Job) => void) {}

  /** Follows these jobs and no others. */
  follow(ids: string[]): void {
    const wanted = ids.slice(0, MOST_JOBS)
    if (wanted.every((id) => this.followed.includes(id)) && wanted.length > 0) return
    this.followed = wanted
    clearTimeout(this.timer)
    if (wanted.length === 0) this.close()
    else this.timer = window.setTimeout(() => this.connect(), SETTLE_MS)
  }

  private connect(): void {
    this.close()
    if (isRefused('jobs/events')) {
      this.timer = window.setTimeout(() => this.connect(), AGAIN_MS)
      return
    }
    const query = new URLSearchParams(this.followed.map((id) => ['id', id]))
    const source = new EventSource(address(`jobs/events?${query}`))
    this.source = source
    source.addEventListener('job', (event: MessageEvent<string>) =>
      this.onJob(JSON.parse(event.data) as Job),
    )
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return
      clearTimeout(this.timer)
      this.timer = window.setTimeout(() => this.connect(), AGAIN_MS)
    })
  }

  private close(): void {
    this.source?.close()
    this.source = null
  }
}

/** Follows jobs by server-sent events, two at a time. */

import { address } from './api'
import { finished, type Job } from './schemas'

// A browser opens about six connections to one host, for all of its tabs together.
const MAX_STREAMS = 2

export class JobStreams {
  private open = new Map<string, EventSource>()
  /** Jobs whose stream the gateway refused; the list of jobs updates them. */
  private refused = new Set<string>()

  constructor(private readonly onJob: (job: Job) => void) {}

  /** Follows only the first few of `ids`. */
  follow(ids: string[]): void {
    const wanted = ids.filter((id) => !this.refused.has(id)).slice(0, MAX_STREAMS)
    for (const id of this.open.keys()) if (!wanted.includes(id)) this.close(id)
    for (const id of wanted) if (!this.open.has(id)) this.connect(id)
  }

  private connect(id: string): void {
    const source = new EventSource(address(`jobs/${id}/events`))
    this.open.set(id, source)
    const received = (event: MessageEvent<string>): void => {
      const job = JSON.parse(event.data) as Job
      if (finished(job)) this.close(id) // otherwise the browser would reconnect for ever
      this.onJob(job)
    }
    source.addEventListener('message', received)
    source.addEventListener('job', received)
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return
      this.refused.add(id)
      this.close(id)
    })
  }

  private close(id: string): void {
    this.open.get(id)?.close()
    this.open.delete(id)
  }
}

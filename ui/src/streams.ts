/** Follows jobs by server-sent events, two at a time. */

import { address } from './api'
import { finished, type Job } from './wire'

// A browser opens about six connections to one host, for all of its tabs together.
const MOST = 2

export class Streams {
  private open = new Map<string, EventSource>()
  /** Streams that the gateway refused; asking for the list tells of these jobs. */
  private refused = new Set<string>()

  constructor(private readonly onJob: (job: Job) => void) {}

  /** Follows the first few of `ids` and no other. */
  follow(ids: string[]): void {
    const wanted = ids.filter((id) => !this.refused.has(id)).slice(0, MOST)
    for (const id of this.open.keys()) if (!wanted.includes(id)) this.close(id)
    for (const id of wanted) if (!this.open.has(id)) this.begin(id)
  }

  private begin(id: string): void {
    const source = new EventSource(address(`jobs/${id}/events`))
    this.open.set(id, source)
    const heard = (event: MessageEvent<string>): void => {
      const job = JSON.parse(event.data) as Job
      if (finished(job)) this.close(id) // else the browser would connect again for ever
      this.onJob(job)
    }
    source.addEventListener('message', heard)
    source.addEventListener('job', heard)
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

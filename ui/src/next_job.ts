/** Which job a reader judges next. */

import * as api from './api'
import type { Job } from './schemas'
import type { Worklist } from './worklist'

/** The first job after `here` in this order that has a mask and no verdict, or one before it. */
export function nextUnreviewed(order: Job[], here: string): Job | undefined {
  const at = order.findIndex((job) => job.id === here)
  const others = [...order.slice(at + 1), ...order.slice(0, Math.max(0, at))]
  return others.find((job) => job.state === 'succeeded' && job.verdict === null)
}

/** The next job by the worklist's order and by what the service says now. */
export class NextJob {
  /** The jobs in the order of the worklist. */
  order: () => Job[] = () => []

  constructor(private readonly worklist: Pick<Worklist, 'update' | 'refresh'>) {}

  /** The job that waits for a review after this one. */
  async after(here: string): Promise<Job | undefined> {
    const next = await this.listed(here)
    if (next !== undefined) return next
    await this.worklist.refresh()
    return this.listed(here)
  }

  /** The list may be some seconds old: another reader may have judged a job, or deleted it. */
  private async listed(here: string): Promise<Job | undefined> {
    const gone = new Set<string>()
    for (;;) {
      const order = this.order().filter((job) => !gone.has(job.id))
      const next = nextUnreviewed(order, here)
      if (next === undefined) return undefined
      const job = await jobIfAny(next.id)
      if (job?.verdict === null) return job
      gone.add(next.id)
      if (job !== null) this.worklist.update(job)
    }
  }
}

/** The job as the service has it now; null if it was deleted. */
async function jobIfAny(id: string): Promise<Job | null> {
  try {
    return await api.job(id)
  } catch (error) {
    if (api.problemOf(error).status === 404) return null
    throw error
  }
}

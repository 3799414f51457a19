/** Which job a reader judges next. */

import type { Job } from './schemas'

const LOOK = 200 // rows after the job on screen; then any job that waits is as good

/** The worklist, as far as it is needed here. */
export interface Rows {
  total: number
  /** Row of the job on screen, or where it was; -1 if it was in none. */
  place: number
  /** The job in a row, loaded if necessary. */
  loaded: (row: number) => Promise<Job | undefined>
  /** The first jobs that wait for a review, in the same order. */
  toReview: () => Promise<Job[]>
}

/** The first job after the one on screen, but those, that waits for a review, or one before it. */
export async function nextUnreviewed(
  list: Rows,
  here: string,
  gone: ReadonlySet<string> = new Set(),
): Promise<Job | undefined> {
  const waits = (job: Job | undefined): boolean =>
    job?.state === 'succeeded' && job.verdict === null && job.id !== here && !gone.has(job.id)
  const end = Math.min(list.total, list.place + 1 + LOOK)
  for (let row = Math.max(0, list.place); row < end; row++) {
    const job = await list.loaded(row)
    if (waits(job)) return job
  }
  return (await list.toReview()).find(waits)
}

/**
 * Which job a reader judges next: one that is assigned to the reader, else one of nobody in
 * particular. Jobs that are assigned to others are left to them, unless the worklist shows the jobs
 * of such a reader.
 */

import type { Job } from './schemas'

const LOOK = 200 // rows after the job on screen; then any job that waits is as good

/** The worklist, as far as it is needed here. */
export interface Rows {
  /** The readers whose jobs may be next; an empty name stands for nobody. */
  readers: string[]
  total: number
  /** Row of the job on screen, or where it was; -1 if it was in none. */
  place: number
  /** The job in a row, loaded if necessary. */
  loaded: (row: number) => Promise<Job | undefined>
  /** The row of a job; -1 if it is not known. */
  rowOf: (id: string) => number
  /** The first jobs of the reader that wait for a review, in the order of the worklist. */
  mine: () => Promise<Job[]>
  /** The first jobs that wait for a review, in the same order. */
  toReview: () => Promise<Job[]>
}

/** The next job that waits for a review, but those. */
export async function nextUnreviewed(
  list: Rows,
  here: string,
  gone: ReadonlySet<string> = new Set(),
): Promise<Job | undefined> {
  const waits = (job: Job | undefined): boolean =>
    job?.state === 'succeeded' && job.verdict === null && job.id !== here && !gone.has(job.id)
  const mine = nextOfMine(await list.mine(), list, here, waits)
  if (mine !== undefined) return mine
  const free = (job: Job | undefined): boolean =>
    waits(job) && list.readers.includes(job?.assignee ?? '')
  const end = Math.min(list.total, list.place + 1 + LOOK)
  for (let row = Math.max(0, list.place); row < end; row++) {
    const job = await list.loaded(row)
    if (free(job)) return job
  }
  return (await list.toReview()).find(free)
}

/** The first one after the job on screen, or the first one at all. */
function nextOfMine(
  mine: Job[],
  list: Rows,
  here: string,
  waits: (job: Job) => boolean,
): Job | undefined {
  const at = mine.findIndex((job) => job.id === here)
  const isAfter = (job: Job, n: number): boolean =>
    at >= 0 ? n > at : list.rowOf(job.id) >= list.place
  return mine.find((job, n) => waits(job) && isAfter(job, n)) ?? mine.find(waits)
}

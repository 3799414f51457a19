/** What a verdict on many jobs will do, and what it has done, in words. */

import type { BatchOutcome, Job } from './schemas'
import { countText } from './text'

export interface BatchOptions {
  verdict: 'accepted' | 'rejected'
  /** Masks are accepted, too, that there are reasons to doubt. */
  withDoubts: boolean
  /** Jobs get the verdict, too, that have one. */
  replace: boolean
  /** Whether the reader has a correction of a job that is not saved. */
  isDrafted: (job: Job) => boolean
}

export interface BatchPlan {
  /** Jobs that get the verdict. */
  judged: Job[]
  /** Jobs without a mask: they are left out in any case. */
  unfinished: number
  /** Jobs with a second reading, whose readers look at each mask alone: left out in any case. */
  read: number
  /** Jobs with a correction of the reader that is not saved: left out in any case. */
  drafted: number
  /** Jobs that have a verdict. */
  reviewed: number
  /** Masks that there are reasons to doubt, where that matters: of an acceptance. */
  doubted: number
}

/** Whether there are reasons to doubt a mask. */
export function isDoubted(job: Job): boolean {
  return job.doubts > 0 || job.unusual_sizes.length > 0
}

export function planOf(jobs: Job[], options: BatchOptions): BatchPlan {
  const masks = jobs.filter((job) => job.state === 'succeeded')
  const alone = masks.filter((job) => job.second_reading === null)
  const finished = alone.filter((job) => !options.isDrafted(job))
  const reviewed = finished.filter((job) => job.verdict !== null)
  const left = options.replace ? finished : finished.filter((job) => job.verdict === null)
  const doubted = options.verdict === 'accepted' ? left.filter(isDoubted) : []
  const without = options.withDoubts ? [] : doubted
  return {
    judged: left.filter((job) => !without.includes(job)),
    unfinished: jobs.length - masks.length,
    read: masks.length - alone.length,
    drafted: alone.length - finished.length,
    reviewed: reviewed.length,
    doubted: doubted.length,
  }
}

type Left = Exclude<BatchOutcome['outcome'], 'done'>
const LEFT: Record<Left, [string, string]> = {
  'newer-review': ['has a review that you have not seen', 'have reviews that you have not seen'],
  reviewed: ['has a verdict', 'have a verdict'],
  doubted: ['may be wrong', 'may be wrong'],
  'second-reading': ['is in a second reading', 'are in a second reading'],
  draft: [
    'has a correction of yours that is not saved',
    'have corrections of yours that are not saved',
  ],
  unfinished: ['has no mask', 'have no mask'],
  'not-found': ['was deleted', 'were deleted'],
}

/** "3 accepted. Left out: 1 has a review that you have not seen." */
export function doneText(verdict: string, results: BatchOutcome[]): string {
  const number = (outcome: string): number =>
    results.filter((one) => one.outcome === outcome).length
  const left = (Object.entries(LEFT) as [Left, [string, string]][])
    .filter(([outcome]) => number(outcome) > 0)
    .map(([outcome, [one, many]]) => countText(number(outcome), one, many))
  const done = `${countText(number('done'), 'mask', 'masks')} ${verdict}.`
  return left.length === 0 ? done : `${done} Left out: ${left.join(', ')}.`
}

/** Which of the jobs that wait for a review this reader can still judge in their second readings. */

import * as api from './api'
import { type JobQuery, MINE, pageParams } from './job_query'
import { reader } from './reader'
import type { Job } from './schemas'

const MOST = 200 // most jobs of a response
const UNINTERRUPTED = new AbortController().signal

/**
 * A filter that leaves out jobs that this reader has read, and those where the readers differ unless
 * `query`, that of the worklist, is for them. One request answers for all jobs.
 */
export function unreadOnly(query: JobQuery): (jobs: Job[]) => Promise<Job[]> {
  const tab = query.tab === 'adjudicate' ? 'adjudicate' : 'reading'
  const state = tab === 'adjudicate' ? 'adjudicate' : 'open'
  const read = async (): Promise<Set<string>> => {
    const params = pageParams({ ...query, tab, assignee: '', unread: MINE }, 0, MOST, reader.name)
    const { jobs } = await api.jobs(params, UNINTERRUPTED)
    return new Set(jobs.map((job) => job.id))
  }
  let unread: Promise<Set<string>> | undefined
  return async (jobs) => {
    const left = jobs.filter(({ second_reading: one }) => one === null || one.state === state)
    if (reader.name === '' || left.every((job) => job.second_reading === null)) return left
    unread ??= read()
    const ids = await unread
    return left.filter((job) => job.second_reading === null || ids.has(job.id))
  }
}

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Job } from './schemas'
import { Worklist } from './worklist'

const asked: string[] = []
const jobs: Partial<Job>[] = []

beforeEach(() => {
  vi.useFakeTimers()
  asked.length = jobs.length = 0
  const page = Object.assign(new EventTarget(), { hidden: false, baseURI: 'http://localhost/' })
  vi.stubGlobal('document', page)
  vi.stubGlobal('window', Object.assign(new EventTarget(), globalThis))
  vi.stubGlobal('EventSource', EventTarget)
  vi.stubGlobal('fetch', async (address: unknown) => {
    asked.push(String(address))
    const counts = { total: jobs.length, states: {}, verdicts: {} }
    return Response.json(String(address).includes('counts') ? counts : { jobs, next_cursor: null })
  })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const job = (id: string): Job =>
  ({ id, state: 'queued', verdict: null, second_reading: null }) as unknown as Job

it('has a row for a job as soon as it is created, and does not interrupt its own requests', async () => {
  const list = new Worklist()
  await list.refresh()
  jobs.push(job('a'))
  list.update(job('a'))
  await vi.advanceTimersByTimeAsync(1)
  expect(list.rows.rowOf('a')).toBe(0)
  const before = asked.length
  jobs.push(job('b'), job('c'))
  list.update(job('b'))
  vi.advanceTimersByTime(1)
  list.update(job('c')) // while the first refresh is on its way
  await vi.advanceTimersByTimeAsync(1)
  expect(asked.length).toBe(before + 3) // counts, rows and drafts
  expect(list.rows.rowOf('c')).toBe(2)
})

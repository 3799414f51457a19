import { describe, expect, it } from 'vitest'
import { nextUnreviewed, type Rows } from './next_job'
import type { Job } from './schemas'

const job = (
  id: string,
  state = 'succeeded',
  verdict: string | null = null,
  assignee: string | null = null,
): Job => ({ id, state, verdict, assignee }) as Job
const order = [
  job('a'),
  job('b', 'running'),
  job('c', 'succeeded', 'accepted'),
  job('d'),
  job('e', 'failed'),
]

function rows(jobs: Job[], here: string): Rows {
  const waiting = jobs.filter((one) => one.state === 'succeeded' && one.verdict === null)
  return {
    readers: ['Ada', ''],
    rowOf: (id) => jobs.findIndex((one) => one.id === id),
    mine: async () => waiting.filter((one) => one.assignee === 'Ada'),
    total: jobs.length,
    place: jobs.findIndex((one) => one.id === here),
    loaded: async (row) => jobs[row],
    toReview: async () => waiting.filter((one) => one.assignee === null),
  }
}

describe('nextUnreviewed', () => {
  it.each([
    ['a', 'd'],
    ['c', 'd'],
    ['d', 'a'],
    ['e', 'a'],
    ['not listed', 'a'],
  ])('after %s is %s', async (here, next) =>
    expect((await nextUnreviewed(rows(order, here), here))?.id).toBe(next),
  )

  it('is nothing if this one is the last', async () =>
    expect(await nextUnreviewed(rows(order.slice(0, 3), 'a'), 'a')).toBeUndefined())

  it('is at the place of one that has left the list', async () => {
    const left = { ...rows(order, 'c'), place: 3 }
    expect((await nextUnreviewed(left, 'gone'))?.id).toBe('d')
  })

  it('looks no further than some rows before it asks for any', async () => {
    let loaded = 0
    const many = {
      ...rows([], ''),
      total: 50_000,
      place: 10,
      loaded: async () => job(`${++loaded}`, 'failed'),
      toReview: async () => [job('x')],
    }
    expect((await nextUnreviewed(many, 'y'))?.id).toBe('x')
    expect(loaded).toBeLessThan(300)
  })

  it.each([
    ['a', 'c'],
    ['c', 'e'],
    ['e', 'c'],
    ['b', 'c'],
    ['d', 'e'],
  ])('after %s is mine first: %s', async (here, next) => {
    const to = (id: string, reader: string | null): Job => job(id, 'succeeded', null, reader)
    const list = [to('a', null), to('b', 'Eve'), to('c', 'Ada'), to('d', null), to('e', 'Ada')]
    expect((await nextUnreviewed(rows(list, here), here))?.id).toBe(next)
  })

  it('is none of those that are assigned to others', async () => {
    const list = [job('a', 'succeeded', null, 'Eve'), job('b'), job('c', 'succeeded', null, 'Bob')]
    expect((await nextUnreviewed(rows(list, 'a'), 'a'))?.id).toBe('b')
    expect(await nextUnreviewed(rows(list, 'b'), 'b')).toBeUndefined()
  })
})

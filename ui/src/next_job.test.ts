import { describe, expect, it } from 'vitest'
import { nextUnreviewed, type Rows } from './next_job'
import type { Job } from './schemas'

const job = (id: string, state = 'succeeded', verdict: string | null = null): Job =>
  ({ id, state, verdict }) as Job
const order = [
  job('a'),
  job('b', 'running'),
  job('c', 'succeeded', 'accepted'),
  job('d'),
  job('e', 'failed'),
]

function rows(jobs: Job[], here: string): Rows {
  return {
    total: jobs.length,
    place: jobs.findIndex((one) => one.id === here),
    loaded: async (row) => jobs[row],
    toReview: async () => jobs.filter((one) => one.state === 'succeeded' && one.verdict === null),
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
      total: 50_000,
      place: 10,
      loaded: async () => job(`${++loaded}`, 'failed'),
      toReview: async () => [job('x')],
    }
    expect((await nextUnreviewed(many, 'y'))?.id).toBe('x')
    expect(loaded).toBeLessThan(300)
  })
})

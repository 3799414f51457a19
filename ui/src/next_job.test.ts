import { describe, expect, it } from 'vitest'
import { nextUnreviewed } from './next_job'
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

describe('nextUnreviewed', () => {
  it.each([
    ['a', 'd'],
    ['c', 'd'],
    ['d', 'a'],
    ['e', 'a'],
    ['not listed', 'a'],
  ])('after %s is %s', (here, next) => expect(nextUnreviewed(order, here)?.id).toBe(next))

  it('is nothing if this one is the last', () =>
    expect(nextUnreviewed(order.slice(0, 3), 'a')).toBeUndefined())
})

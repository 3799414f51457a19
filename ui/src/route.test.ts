import { describe, expect, it } from 'vitest'
import { type Compared, hashOf, read } from './route'

const COMPARED: Compared = {
  page: 'compare',
  first: { job: 'a', review: null },
  second: null,
  scan: null,
  difference: false,
  offset: null,
}

describe('route', () => {
  it('is the same after a reload', () => {
    const job = { page: 'job', id: 'a-B_9' } as const
    expect(read(hashOf(job))).toEqual(job)
    expect(read(hashOf({ page: 'start' }))).toEqual({ page: 'start' })
    expect(read(hashOf({ page: 'models' }))).toEqual({ page: 'models' })
  })

  it.each<Partial<Compared>>([
    {},
    { second: { job: 'b', review: 'r-2' }, difference: true },
    { first: { job: 'a', review: 'r' }, scan: 's', offset: [1.5, -20.25, 0] },
  ])('has all of a comparison: %j', (changes) => {
    const route = { ...COMPARED, ...changes }
    expect(read(hashOf(route))).toEqual(route)
  })

  it.each(['', '#', '#job=', '#job=a b', '#job=<script>', `#job=${'x'.repeat(65)}`, '#other=1'])(
    'is the start for %j',
    (hash) => expect(read(hash)).toEqual({ page: 'start' }),
  )

  it.each(['offset=1,2', 'offset=1,2,x', 'offset=', 'with=a b', 'scan=%3C'])(
    'ignores %j in a comparison',
    (part) => expect(read(`#compare=a&${part}`)).toEqual(COMPARED),
  )
})

import { describe, expect, it } from 'vitest'
import { hashOf, read } from './route'

describe('route', () => {
  it('is the same after a reload', () => {
    const job = { page: 'job', id: 'a-B_9' } as const
    expect(read(hashOf(job))).toEqual(job)
    expect(read(hashOf({ page: 'start' }))).toEqual({ page: 'start' })
    expect(read(hashOf({ page: 'models' }))).toEqual({ page: 'models' })
  })

  it.each(['', '#', '#job=', '#job=a b', '#job=<script>', `#job=${'x'.repeat(65)}`, '#other=1'])(
    'is the start for %j',
    (hash) => expect(read(hash)).toEqual({ page: 'start' }),
  )
})

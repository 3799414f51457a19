import { describe, expect, it } from 'vitest'
import { doneText, planOf } from './batch_plan'
import type { BatchOutcome, Job } from './schemas'

const job = (id: string, more: Partial<Job> = {}): Job =>
  ({
    id,
    state: 'succeeded',
    verdict: null,
    doubts: 0,
    unusual_sizes: [],
    second_reading: null,
    ...more,
  }) as Job
const JOBS = [
  job('new'),
  job('odd', { doubts: 1 }),
  job('large', { unusual_sizes: [{}] as Job['unusual_sizes'] }),
  job('old', { verdict: 'rejected' }),
  job('old odd', { verdict: 'accepted', doubts: 2 }),
  job('drafted', { verdict: 'rejected', doubts: 1 }),
  job('runs', { state: 'running' }),
  job('read twice', { second_reading: {} as Job['second_reading'] }),
]

describe('planOf', () => {
  const plan = (verdict: 'accepted' | 'rejected', withDoubts: boolean, replace: boolean) => {
    const isDrafted = (one: Job): boolean => one.id === 'drafted'
    const { judged, ...numbers } = planOf(JOBS, { verdict, withDoubts, replace, isDrafted })
    return [judged.map((one) => one.id), Object.values(numbers)]
  }

  it('leaves out what nobody asked for', () => {
    expect(plan('accepted', false, false)).toEqual([['new'], [1, 1, 1, 2, 2]])
    expect(plan('rejected', false, false)).toEqual([
      ['new', 'odd', 'large'],
      [1, 1, 1, 2, 0],
    ])
  })

  it('takes in what the reader asks for', () => {
    expect(plan('accepted', true, false)).toEqual([
      ['new', 'odd', 'large'],
      [1, 1, 1, 2, 2],
    ])
    expect(plan('accepted', false, true)).toEqual([
      ['new', 'old'],
      [1, 1, 1, 2, 3],
    ])
    expect(plan('accepted', true, true)[0]).toHaveLength(5)
  })
})

describe('doneText', () => {
  const outcomes = (...all: BatchOutcome['outcome'][]): BatchOutcome[] =>
    all.map((outcome) => ({ job: 'j', outcome, review: null }))

  it.each([
    [outcomes('done'), '1 mask accepted.'],
    [
      outcomes('done', 'newer-review', 'done', 'unfinished', 'newer-review'),
      '2 masks accepted. Left out: 2 have reviews that you have not seen, 1 has no mask.',
    ],
    [outcomes('not-found'), '0 masks accepted. Left out: 1 was deleted.'],
  ])('says what became of each', (results, text) =>
    expect(doneText('accepted', results)).toBe(text),
  )
})

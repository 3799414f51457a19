import { describe, expect, it } from 'vitest'
import {
  conditions,
  countOf,
  EVERYTHING,
  isNarrowed,
  MINE,
  NOBODY,
  pageParams,
  queryOf,
} from './job_query'

const text = (params: URLSearchParams): string => decodeURIComponent(params.toString())

describe('a query of the worklist', () => {
  it('asks for everything without a condition', () => {
    expect(text(pageParams(EVERYTHING, 100, 50, ''))).toBe('sort=newest&offset=100&limit=50')
    expect(isNarrowed({ ...EVERYTHING, tab: 'review', sort: 'oldest' })).toBe(false)
  })

  it('names all states and verdicts of a tab', () => {
    const query = { ...EVERYTHING, tab: 'reviewed', sort: 'priority' } as const
    expect(text(pageParams(query, 0, 1, ''))).toBe(
      'verdict=accepted&verdict=corrected&verdict=rejected&sort=priority&offset=0&limit=1',
    )
    expect(text(pageParams({ ...query, tab: 'open' }, 0, 1, ''))).toContain(
      'state=queued&state=running',
    )
  })

  it('has whole days, the last one included', () => {
    const params = conditions({ ...EVERYTHING, from: '2026-03-01', to: '2026-03-31' }, '')
    expect(params.get('created_from')).toBe(new Date(2026, 2, 1).toISOString())
    expect(params.get('created_before')).toBe(new Date(2026, 3, 1).toISOString())
    expect(text(conditions({ ...EVERYTHING, from: 'tomorrow', text: '  ' }, ''))).toBe('')
  })

  it.each([
    [MINE, 'Ada', 'assignee=Ada'],
    [NOBODY, 'Ada', 'assignee='],
    ['Dr. Weiss', 'Ada', 'assignee=Dr.+Weiss'],
    ['', 'Ada', ''],
  ])('asks for the jobs of %j', (assignee, me, expected) =>
    expect(text(conditions({ ...EVERYTHING, assignee }, me))).toBe(expected),
  )

  it('names the reader in the request, not in what is stored', () => {
    const query = queryOf({ unread: 'Bob', text: 'x' }) // as earlier versions stored it
    expect(query.unread).toBe(MINE)
    expect(text(conditions({ ...query, text: '' }, 'Ada'))).toBe('unread_by=Ada')
    expect(text(conditions({ ...query, text: '' }, ''))).toBe('')
    expect(isNarrowed({ ...EVERYTHING, unread: MINE })).toBe(true)
  })

  it('counts the jobs of each tab', () => {
    const counts = {
      total: 20,
      states: { queued: 2, running: 1, succeeded: 14, failed: 3 },
      verdicts: { to_review: 9, accepted: 4, rejected: 1 },
      models: {},
      modalities: {},
      reviewers: {},
      assignees: {},
      readings: { open: 3, adjudicate: 1 },
    }
    const tabs = ['all', 'open', 'review', 'reviewed', 'reading', 'adjudicate', 'failed'] as const
    expect(tabs.map((tab) => countOf(tab, counts))).toEqual([20, 3, 9, 5, 3, 1, 3])
  })

  it.each([null, 'x', 3, [], { tab: 'nonesuch', sort: 7, model: null }])(
    'is everything if %j was stored',
    (stored) => expect(queryOf(stored)).toEqual(EVERYTHING),
  )

  it('comes back as it was stored', () => {
    const query = { ...EVERYTHING, tab: 'open', modality: 'CT', from: '2026-03-01' } as const
    expect(queryOf(JSON.parse(JSON.stringify(query)))).toEqual(query)
  })
})

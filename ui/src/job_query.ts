/** Which jobs the worklist shows, and in which order; as a query of the gateway, and to be saved. */

import type { JobCounts } from './schemas'

export const TABS = {
  all: { label: 'All jobs', states: [], verdicts: [], readings: [] },
  open: { label: 'Waiting or running', states: ['queued', 'running'], verdicts: [], readings: [] },
  review: { label: 'To review', states: [], verdicts: ['to_review'], readings: [] },
  reviewed: {
    label: 'Reviewed',
    states: [],
    verdicts: ['accepted', 'corrected', 'rejected'],
    readings: [],
  },
  reading: { label: 'Second reading', states: [], verdicts: [], readings: ['open'] },
  adjudicate: { label: 'To be adjudicated', states: [], verdicts: [], readings: ['adjudicate'] },
  failed: {
    label: 'Failed or cancelled',
    states: ['failed', 'cancelled'],
    verdicts: [],
    readings: [],
  },
} as const

export const SORTS = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  priority: 'Highest priority first',
  suspicion: 'Most suspicious first',
} as const

export type Tab = keyof typeof TABS
export type Sort = keyof typeof SORTS

/** The jobs of the reader, and those of nobody; all other values of `assignee` are names. */
export const MINE = '*mine'
export const NOBODY = '*nobody'

/** An empty text is no condition. */
export interface JobQuery {
  tab: Tab
  sort: Sort
  text: string
  model: string
  modality: string
  reviewer: string
  assignee: string
  /** `MINE`: only second readings that the reader has not read. */
  unread: '' | typeof MINE
  /** Days, as YYYY-MM-DD in the reader's own time zone; the last day is included. */
  from: string
  to: string
}

export const EVERYTHING: JobQuery = {
  tab: 'all',
  sort: 'newest',
  text: '',
  model: '',
  modality: '',
  reviewer: '',
  assignee: '',
  unread: '',
  from: '',
  to: '',
}

/** The conditions, without those of the tab, and without the order. `me`: name of the reader. */
export function conditions(query: JobQuery, me: string): URLSearchParams {
  const params = new URLSearchParams()
  if (query.assignee !== '') params.set('assignee', assigneeOf(query.assignee, me))
  for (const name of ['model', 'modality', 'reviewer'] as const) {
    if (query[name] !== '') params.set(name, query[name])
  }
  if (query.unread !== '' && me !== '') params.set('unread_by', me)
  if (query.text.trim() !== '') params.set('text', query.text.trim())
  const from = startOfDay(query.from)
  const to = startOfDay(query.to)
  if (from !== null) params.set('created_from', from.toISOString())
  if (to !== null) {
    to.setDate(to.getDate() + 1)
    params.set('created_before', to.toISOString())
  }
  return params
}

/** The conditions, those of the tab, too: all jobs of the list. */
export function selection(query: JobQuery, me: string): URLSearchParams {
  const params = conditions(query, me)
  for (const state of TABS[query.tab].states) params.append('state', state)
  for (const verdict of TABS[query.tab].verdicts) params.append('verdict', verdict)
  for (const reading of TABS[query.tab].readings) params.append('reading', reading)
  return params
}

/** The query of a page: the jobs of the list, their order and the place in it. */
export function pageParams(
  query: JobQuery,
  offset: number,
  limit: number,
  me: string,
): URLSearchParams {
  const params = selection(query, me)
  params.set('sort', query.sort)
  params.set('offset', String(offset))
  params.set('limit', String(limit))
  return params
}

/** How many of the counted jobs a tab shows. */
export function countOf(tab: Tab, counts: JobCounts): number {
  const { states, verdicts, readings } = TABS[tab]
  if (states.length + verdicts.length + readings.length === 0) return counts.total
  return (
    states.reduce((sum, state) => sum + (counts.states[state] ?? 0), 0) +
    verdicts.reduce((sum, verdict) => sum + (counts.verdicts[verdict] ?? 0), 0) +
    readings.reduce((sum, reading) => sum + (counts.readings[reading] ?? 0), 0)
  )
}

/** Whether anything but the tab and the order restricts the list. */
export function isNarrowed(query: JobQuery): boolean {
  return [...conditions(query, MINE)].length > 0 // any name
}

/** A stored query, completed and corrected: another version may have stored it. */
export function queryOf(stored: unknown): JobQuery {
  const given = (typeof stored === 'object' && stored !== null ? stored : {}) as Partial<JobQuery>
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return {
    tab: given.tab !== undefined && given.tab in TABS ? given.tab : 'all',
    sort: given.sort !== undefined && given.sort in SORTS ? given.sort : 'newest',
    text: text(given.text),
    model: text(given.model),
    modality: text(given.modality),
    reviewer: text(given.reviewer),
    assignee: text(given.assignee),
    unread: text(given.unread) === '' ? '' : MINE, // other versions stored a name
    from: text(given.from),
    to: text(given.to),
  }
}

/** The gateway knows nobody by an empty name. */
export function assigneeOf(choice: string, me: string): string {
  if (choice === NOBODY) return ''
  return choice === MINE ? me : choice
}

function startOfDay(day: string): Date | null {
  const date = new Date(`${day}T00:00`) // without a time zone: that of the browser
  return Number.isNaN(date.getTime()) ? null : date
}

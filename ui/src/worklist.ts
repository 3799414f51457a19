/**
 * The worklist: the rows that the page knows of a list that the gateway filters, sorts and counts.
 *
 * Rows on screen are kept up to date by one event stream. Which jobs are in the list, and how many
 * there are, is requested again after a while.
 */

import * as api from './api'
import {
  assigneeOf,
  conditions,
  countOf,
  EVERYTHING,
  type JobQuery,
  MINE,
  pageParams,
} from './job_query'
import { BLOCK, JobRows } from './job_rows'
import { JobStreams } from './job_streams'
import { nextUnreviewed } from './next_job'
import { OwnDrafts } from './own_drafts'
import { reader } from './reader'
import type { Job, JobCounts, JobPage } from './schemas'
import { unreadOnly } from './unread'

const BUSY_MS = 3000 // while something is queued or running
const IDLE_MS = 10_000 // other tabs and programs may add jobs
const OFFLINE_MS = 4000 // the gateway did not respond
const SOON_MS = 400 // a job changed, which may change its place and the counts
const PAGE = 200 // most jobs of a response
const SETTLE_MS = 60 // while the reader scrolls, most rows are on screen for a moment only
/** For what a refresh must not interrupt. */
const UNINTERRUPTED = new AbortController().signal
const NOTHING: JobCounts = {
  total: 0,
  states: {},
  verdicts: {},
  models: {},
  modalities: {},
  reviewers: {},
  assignees: {},
  readings: {},
}

export class Worklist {
  readonly rows = new JobRows()
  readonly drafts = new OwnDrafts()
  query: JobQuery = EVERYTHING
  /** How many jobs meet the query, whatever its tab. */
  counts: JobCounts = NOTHING
  reachable = true
  loaded = false
  private refreshing = false
  private known = new Map<string, Job>()
  private receivedAt = new Map<string, number>()
  private onScreen = { first: 0, last: BLOCK - 1 }
  /** Row of the selected job, also after it has left the list. */
  private place = -1
  private chosen: string | null = null
  private request = new AbortController()
  private timer = 0
  private dueAt = Number.POSITIVE_INFINITY
  private settling = 0
  private listeners: (() => void)[] = []
  private readonly streams = new JobStreams((job) => this.update(job))

  constructor() {
    const wake = (): void => {
      if (document.hidden) {
        this.streams.follow([])
        this.unschedule()
      } else void this.refresh()
    }
    reader.onChange(() => {
      if (this.query.assignee === MINE || this.query.unread !== '') void this.refresh()
    })
    document.addEventListener('visibilitychange', wake)
    window.addEventListener('focus', wake)
    window.addEventListener('online', wake)
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** The job on screen. */
  get selected(): string | null {
    return this.chosen
  }

  set selected(id: string | null) {
    if (id === this.chosen) return
    this.chosen = id
    this.place = id === null ? -1 : this.rows.rowOf(id)
    this.follow()
  }

  get(id: string): Job | undefined {
    return this.known.get(id)
  }

  /** The job in a row; undefined if it has not arrived yet. */
  at(row: number): Job | undefined {
    const id = this.rows.idAt(row)
    return id === undefined ? undefined : this.known.get(id)
  }

  /** The job `by` rows after the selected one, or after where that was; the first one without. */
  async neighbour(by: number): Promise<Job | undefined> {
    const row = this.selectedRow
    const left = row < 0 && this.place >= 0 // the next job has moved up to its place
    const from = row >= 0 ? row : this.place
    const wanted = from < 0 ? 0 : left && by > 0 ? from + by - 1 : from + by
    if (wanted < 0 || wanted >= this.rows.total) return undefined
    if (this.at(wanted) === undefined) await this.load(wanted, wanted, UNINTERRUPTED)
    return this.at(wanted)
  }

  /**
   * The next job that waits for a review, as the gateway has it now: the list may be some seconds
   * old, and another reader may have judged a job, or deleted it.
   */
  async nextUnreviewed(here: string): Promise<Job | undefined> {
    const gone = new Set<string>()
    const open = unreadOnly(this.query)
    for (;;) {
      const next = await this.listedUnreviewed(here, gone, open)
      const job = next === undefined ? null : await api.jobIfAny(next.id)
      if (next === undefined) return undefined
      if (job?.verdict === null && (await this.waitsForMe(job))) return job
      gone.add(next.id)
      if (job !== null) this.update(job)
    }
  }

  /** Whether this reader can judge a job without a verdict: in a second reading, only once. */
  private async waitsForMe(job: Job): Promise<boolean> {
    if (job.second_reading === null) return true
    const reading = await api.secondReading(job.id, reader.name).catch(() => null)
    if (reading?.state === 'adjudicate') {
      return this.query.tab === 'adjudicate' && reading.may_adjudicate
    }
    return reading?.mine !== true
  }

  private listedUnreviewed(
    here: string,
    gone: ReadonlySet<string>,
    open: (jobs: Job[]) => Promise<Job[]>,
  ): Promise<Job | undefined> {
    const { assignee, tab } = this.query
    const kept = tab === 'reading' || tab === 'adjudicate'
    const page = (readers: string[], offset: number): Promise<JobPage> => {
      const query: JobQuery = { ...this.query, tab: kept ? tab : 'review', assignee: '' }
      const params = pageParams(query, offset, BLOCK, reader.name)
      for (const name of readers) params.append('assignee', name)
      return api.jobs(params, UNINTERRUPTED)
    }
    const chosen = ['', MINE].includes(assignee) ? null : assigneeOf(assignee, reader.name)
    const readers = chosen === null ? [reader.name, ''] : [chosen]
    const waiting = async (): Promise<Job[]> => {
      for (let offset = 0; ; offset += BLOCK) {
        const { jobs, next_cursor } = await page(readers, offset)
        const left = (await open(jobs)).filter((job) => job.id !== here && !gone.has(job.id))
        if (left.length > 0 || !next_cursor) return left
      }
    }
    const rows = {
      readers,
      total: this.rows.total,
      place: this.selectedRow < 0 ? this.place : this.selectedRow,
      loaded: async (row: number) => {
        if (this.at(row) === undefined) await this.load(row, row, UNINTERRUPTED)
        const job = this.at(row)
        return job === undefined ? undefined : (await open([job]))[0]
      },
      rowOf: (id: string) => this.rows.rowOf(id),
      mine: async () => {
        if (reader.name === '' || chosen !== null) return []
        return open((await page([reader.name], 0)).jobs)
      },
      toReview: waiting,
    }
    return nextUnreviewed(rows, here, gone)
  }

  /** The jobs in these rows, loaded if necessary; none if another list is shown meanwhile. */
  async jobsIn(first: number, last: number): Promise<Job[]> {
    const { query } = this
    await this.load(first, last, UNINTERRUPTED)
    if (query !== this.query) return []
    const jobs = Array.from({ length: last - first + 1 }, (_, n) => this.at(first + n))
    return jobs.filter((job) => job !== undefined)
  }

  /** The first jobs of the whole list, at most `most`; none if another list is shown meanwhile. */
  async firstJobs(most: number): Promise<Job[]> {
    const { query } = this
    const found: Job[] = []
    const params = pageParams(this.query, 0, PAGE, reader.name)
    for (;;) {
      const page = await api.jobs(params, UNINTERRUPTED)
      if (query !== this.query) return []
      found.push(...page.jobs)
      if (!page.next_cursor || found.length >= most) return found.slice(0, most)
      params.set('cursor', page.next_cursor)
    }
  }

  /** Row of the selected job; -1 if it is in none that is known. */
  get selectedRow(): number {
    return this.chosen === null ? -1 : this.rows.rowOf(this.chosen)
  }

  /** Shows another list. */
  async ask(query: JobQuery): Promise<void> {
    this.query = query
    this.onScreen = { first: 0, last: BLOCK - 1 }
    this.place = -1
    this.rows.clear()
    this.loaded = false
    await this.refresh()
  }

  /** These rows are on screen: they are loaded if necessary, and followed. */
  show(first: number, last: number): void {
    if (first === this.onScreen.first && last === this.onScreen.last) return
    this.onScreen = { first, last }
    clearTimeout(this.settling)
    this.settling = window.setTimeout(() => {
      this.follow()
      if (this.rows.missing(first, last).length > 0) {
        void this.load(first, last).catch(() => this.schedule(SOON_MS))
      }
    }, SETTLE_MS)
  }

  /** Stores a job that the gateway has just sent. */
  update(job: Job): void {
    const before = this.known.get(job.id)
    this.receivedAt.set(job.id, performance.now())
    this.known.set(job.id, job)
    this.changed()
    const read = JSON.stringify(before?.second_reading) !== JSON.stringify(job.second_reading)
    const isNew = before === undefined && this.rows.rowOf(job.id) < 0 // no row shows it yet
    if (isNew && this.loaded && !this.refreshing) this.schedule(0)
    else if (before?.state !== job.state || before?.verdict !== job.verdict || read) {
      this.schedule(SOON_MS)
    }
  }

  /** This reader has a correction of a job that is not saved, or has it no longer. */
  noteDraft(job: string, drafted: boolean): void {
    this.drafts.note(job, drafted)
    this.changed()
  }

  /** Loads the rows on screen, drafts and the counts, and again after a while. */
  async refresh(): Promise<void> {
    this.unschedule()
    this.request.abort()
    const { signal } = (this.request = new AbortController())
    const { first, last } = this.onScreen
    this.refreshing = true
    this.rows.markStale()
    try {
      const [counts] = await Promise.all([
        api.jobCounts(conditions(this.query, reader.name), signal),
        this.load(first, last, signal),
        this.drafts.load(),
      ])
      if (signal.aborted) return
      this.counts = counts
      this.rows.setTotal(countOf(this.query.tab, counts))
      this.reachable = true
      this.loaded = true
    } catch {
      if (signal.aborted) return
      this.reachable = false
    }
    this.refreshing = false
    this.changed()
    this.schedule()
  }

  private async load(first: number, last: number, signal = this.request.signal): Promise<void> {
    const blocks = this.rows.missing(first, last)
    if (this.rows.total === 0) blocks.splice(0, blocks.length, 0)
    await Promise.all(blocks.map((number) => this.loadBlock(number, signal)))
  }

  private async loadBlock(number: number, signal: AbortSignal): Promise<void> {
    const { query } = this
    const requestedAt = performance.now()
    const params = pageParams(query, number * BLOCK, BLOCK, reader.name)
    const page = await api.jobs(params, signal)
    if (signal.aborted || query !== this.query) return
    this.rows.put(number, page.jobs, page.next_cursor !== null)
    this.store(page.jobs, requestedAt)
    this.forget()
    this.changed()
  }

  /** A job that arrived as an event after the request is newer than its copy in the response. */
  private store(jobs: Job[], requestedAt: number): void {
    for (const job of jobs) {
      if ((this.receivedAt.get(job.id) ?? 0) < requestedAt) this.known.set(job.id, job)
    }
  }

  /** Only jobs in a row, and the selected one, are kept. */
  private forget(): void {
    const kept = new Set([...this.rows.ids(), this.chosen])
    for (const id of this.known.keys()) {
      if (kept.has(id)) continue
      this.known.delete(id)
      this.receivedAt.delete(id)
    }
  }

  private changed(): void {
    const row = this.selectedRow
    if (row >= 0) this.place = row
    this.follow()
    for (const listener of this.listeners) listener()
  }

  private follow(): void {
    if (document.hidden) return
    const ids = this.chosen !== null && this.known.has(this.chosen) ? [this.chosen] : []
    for (let row = this.onScreen.first; row <= this.onScreen.last; row++) {
      const id = this.rows.idAt(row)
      if (id !== undefined && !ids.includes(id)) ids.push(id)
    }
    this.streams.follow(ids)
  }

  /** Refreshes after a while, or earlier if that is due already. */
  private schedule(wait = this.pauseMs()): void {
    const dueAt = performance.now() + wait
    if (document.hidden || dueAt > this.dueAt) return
    clearTimeout(this.timer)
    this.dueAt = dueAt
    this.timer = window.setTimeout(() => void this.refresh(), wait)
  }

  private unschedule(): void {
    clearTimeout(this.timer)
    this.dueAt = Number.POSITIVE_INFINITY
  }

  private pauseMs(): number {
    if (!this.reachable) return OFFLINE_MS
    return countOf('open', this.counts) > 0 ? BUSY_MS : IDLE_MS
  }
}

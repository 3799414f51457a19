/** The jobs that the page knows, kept up to date by event streams (a few) and by polling. */

import * as api from './api'
import { JobStreams } from './job_streams'
import { finished, type Job } from './schemas'

const BUSY_MS = 1500 // while something is queued or running
const IDLE_MS = 10_000 // other tabs and programs may add jobs
const OFFLINE_MS = 4000 // the gateway did not respond

export class Worklist {
  private known = new Map<string, Job>()
  private receivedAt = new Map<string, number>()
  private cursor: string | null = null
  private timer = 0
  private refreshing = false
  private listeners: (() => void)[] = []
  private readonly streams = new JobStreams((job) => this.update(job))
  /** The job on screen, which is followed first. */
  selected: string | null = null
  reachable = true
  loaded = false

  constructor() {
    const wake = (): void => {
      if (document.hidden) {
        this.streams.follow([])
        clearTimeout(this.timer)
      } else void this.refresh()
    }
    document.addEventListener('visibilitychange', wake)
    window.addEventListener('focus', wake)
    window.addEventListener('online', wake)
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Newest first. */
  get jobs(): Job[] {
    return [...this.known.values()].sort(
      (a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id),
    )
  }

  get(id: string): Job | undefined {
    return this.known.get(id)
  }

  get hasOlder(): boolean {
    return this.cursor !== null
  }

  /** Stores a job that the gateway has just sent. */
  update(job: Job): void {
    this.receivedAt.set(job.id, performance.now())
    this.known.set(job.id, job)
    this.changed()
  }

  /** Loads the newest jobs, and again after a while. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer)
    if (this.refreshing) return
    this.refreshing = true
    const requestedAt = performance.now()
    try {
      const page = await api.jobs()
      if (!this.loaded) this.cursor = page.next_cursor ?? null
      this.merge(page.jobs, page.next_cursor === null, requestedAt)
      this.reachable = true
      this.loaded = true
    } catch {
      this.reachable = false
    }
    this.refreshing = false
    this.changed()
  }

  async older(): Promise<void> {
    if (this.cursor === null) return
    const page = await api.jobs(this.cursor)
    this.cursor = page.next_cursor ?? null
    for (const job of page.jobs) if (!this.known.has(job.id)) this.known.set(job.id, job)
    this.changed()
  }

  /** A job that arrived as an event after the request is newer than its copy in the response. */
  private merge(page: Job[], complete: boolean, requestedAt: number): void {
    const oldest = page.at(-1)?.created_at ?? ''
    const listed = new Set(page.map((job) => job.id))
    for (const [id, job] of this.known) {
      const inRange = complete || job.created_at > oldest
      if (inRange && !listed.has(id) && (this.receivedAt.get(id) ?? 0) < requestedAt)
        this.known.delete(id)
    }
    for (const job of page) {
      if ((this.receivedAt.get(job.id) ?? 0) < requestedAt) this.known.set(job.id, job)
    }
  }

  private changed(): void {
    const open = this.jobs.filter((job) => !finished(job))
    if (!document.hidden) this.streams.follow(this.byInterest(open))
    for (const listener of this.listeners) listener()
    clearTimeout(this.timer)
    if (document.hidden) return
    const wait = !this.reachable ? OFFLINE_MS : open.length > 0 ? BUSY_MS : IDLE_MS
    this.timer = window.setTimeout(() => void this.refresh(), wait)
  }

  private byInterest(open: Job[]): string[] {
    const rank = (job: Job): number =>
      job.id === this.selected ? 0 : job.state === 'running' ? 1 : 1 + (job.place_in_queue ?? 1e6)
    return [...open].sort((a, b) => rank(a) - rank(b)).map((job) => job.id)
  }
}

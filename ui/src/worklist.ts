/** The jobs the page knows, kept fresh: a few followed by events, the rest by asking again. */

import * as api from './api'
import { Streams } from './streams'
import { finished, type Job } from './wire'

const BUSY_MS = 1500 // while something is queued or running
const IDLE_MS = 10_000 // other tabs and programs may add jobs
const LOST_MS = 4000 // the gateway did not answer

export class Worklist {
  private known = new Map<string, Job>()
  private heard = new Map<string, number>()
  private cursor: string | null = null
  private timer = 0
  private asking = false
  private listeners: (() => void)[] = []
  private readonly streams = new Streams((job) => this.hear(job))
  /** The job on screen; it is followed first. */
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

  /** Takes a job as just heard from the gateway. */
  hear(job: Job): void {
    this.heard.set(job.id, performance.now())
    this.known.set(job.id, job)
    this.changed()
  }

  /** Asks for the newest jobs, and again after a while. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer)
    if (this.asking) return
    this.asking = true
    const asked = performance.now()
    try {
      const page = await api.jobs()
      if (!this.loaded) this.cursor = page.next_cursor
      this.merge(page.jobs, page.next_cursor === null, asked)
      this.reachable = true
      this.loaded = true
    } catch {
      this.reachable = false
    }
    this.asking = false
    this.changed()
  }

  async older(): Promise<void> {
    if (this.cursor === null) return
    const page = await api.jobs(this.cursor)
    this.cursor = page.next_cursor
    for (const job of page.jobs) if (!this.known.has(job.id)) this.known.set(job.id, job)
    this.changed()
  }

  /** What was heard by events after the question was asked is newer than the answer. */
  private merge(page: Job[], whole: boolean, asked: number): void {
    const oldest = page.at(-1)?.created_at ?? ''
    const listed = new Set(page.map((job) => job.id))
    for (const [id, job] of this.known) {
      const covered = whole || job.created_at > oldest
      if (covered && !listed.has(id) && (this.heard.get(id) ?? 0) < asked) this.known.delete(id)
    }
    for (const job of page) {
      if ((this.heard.get(job.id) ?? 0) < asked) this.known.set(job.id, job)
    }
  }

  private changed(): void {
    const open = this.jobs.filter((job) => !finished(job))
    if (!document.hidden) this.streams.follow(this.mostWanted(open))
    for (const listener of this.listeners) listener()
    clearTimeout(this.timer)
    if (document.hidden) return
    const wait = !this.reachable ? LOST_MS : open.length > 0 ? BUSY_MS : IDLE_MS
    this.timer = window.setTimeout(() => void this.refresh(), wait)
  }

  private mostWanted(open: Job[]): string[] {
    const rank = (job: Job): number =>
      job.id === this.selected ? 0 : job.state === 'running' ? 1 : 1 + (job.place_in_queue ?? 1e6)
    return [...open].sort((a, b) => rank(a) - rank(b)).map((job) => job.id)
  }
}

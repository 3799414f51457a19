/** The jobs of the worklist that the reader has chosen, as they were when they were last seen. */

import type { Job } from './schemas'

/** Jobs of one request, as the gateway allows. */
export const MOST_CHOSEN = 1000

export class Selection {
  private chosen = new Map<string, Job>()
  private listeners: (() => void)[] = []

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  get size(): number {
    return this.chosen.size
  }

  get jobs(): Job[] {
    return [...this.chosen.values()]
  }

  has(id: string): boolean {
    return this.chosen.has(id)
  }

  toggle(job: Job): void {
    if (!this.chosen.delete(job.id)) this.put([job])
    this.changed()
  }

  /** Chooses these, too; false if that would be more than are possible, and some are left. */
  add(jobs: Job[]): boolean {
    const fit = this.put(jobs)
    this.changed()
    return fit
  }

  remove(ids: Iterable<string>): void {
    for (const id of ids) this.chosen.delete(id)
    this.changed()
  }

  clear(): void {
    if (this.size === 0) return
    this.chosen.clear()
    this.changed()
  }

  /** The reader sees these on screen now. */
  saw(jobs: Iterable<Job>): void {
    for (const job of jobs) if (this.chosen.has(job.id)) this.chosen.set(job.id, job)
  }

  private put(jobs: Job[]): boolean {
    for (const job of jobs) {
      if (this.size >= MOST_CHOSEN && !this.chosen.has(job.id)) return false
      this.chosen.set(job.id, job)
    }
    return true
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

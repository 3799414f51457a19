/** The rows of a long list that the page knows, in blocks; each has its place in the whole list. */

import type { Job } from './schemas'

/** Rows that are requested together. */
export const BLOCK = 50
/** Blocks that are kept; others are requested again when they are on screen. */
const KEPT = 40
/** Browsers do not draw elements that are much higher. */
export const MOST_ROWS = 200_000

interface Block {
  ids: string[]
  stale: boolean
}

export class JobRows {
  private blocks = new Map<number, Block>()
  private length = 0

  /** The number of rows of the whole list. */
  get total(): number {
    return this.length
  }

  setTotal(total: number): void {
    this.length = Math.min(total, MOST_ROWS)
  }

  clear(): void {
    this.blocks.clear()
    this.length = 0
  }

  /** The rows may have changed: they are shown until new ones have arrived. */
  markStale(): void {
    for (const block of this.blocks.values()) block.stale = true
  }

  /** The id of the job in a row; undefined if it is not known yet. */
  idAt(row: number): string | undefined {
    return this.blocks.get(Math.floor(row / BLOCK))?.ids[row % BLOCK]
  }

  /** The row of a job; -1 if it is in none that is known. */
  rowOf(id: string): number {
    for (const [number, { ids }] of this.blocks) {
      const place = ids.indexOf(id)
      if (place >= 0) return number * BLOCK + place
    }
    return -1
  }

  /** The numbers of the blocks that must be requested to show these rows. */
  missing(first: number, last: number): number[] {
    const end = Math.min(last, this.length - 1)
    const wanted: number[] = []
    for (let number = Math.floor(first / BLOCK); number * BLOCK <= end; number++) {
      if (this.blocks.get(number)?.stale !== false) wanted.push(number)
    }
    return wanted
  }

  /** Stores the rows of a block; `more`: whether others follow it. */
  put(number: number, jobs: Job[], more: boolean): void {
    const end = number * BLOCK + jobs.length
    if (!more && (jobs.length > 0 || number === 0)) this.setTotal(end)
    else if (more) this.setTotal(Math.max(this.length, end + 1))
    this.blocks.delete(number)
    this.blocks.set(number, { ids: jobs.map((job) => job.id), stale: false })
    for (const oldest of this.blocks.keys()) {
      if (this.blocks.size <= KEPT) break
      this.blocks.delete(oldest)
    }
  }

  /** All ids that are in a row. */
  *ids(): Iterable<string> {
    for (const block of this.blocks.values()) yield* block.ids
  }
}

/** Jobs of which this reader has a correction that is not saved. */

import * as api from './api'
import { reader } from './reader'

export class OwnDrafts {
  private jobs: ReadonlySet<string> = new Set()

  has(job: string): boolean {
    return this.jobs.has(job)
  }

  /** Asks the gateway. Without an answer, what is known stays. */
  async load(): Promise<void> {
    const { name } = reader
    const drafts = await api.ownDrafts(name).catch(() => null)
    if (drafts !== null && name === reader.name) this.jobs = new Set(drafts.map(({ job }) => job))
  }

  /** Notes what this page has just done. */
  note(job: string, drafted: boolean): void {
    const others = [...this.jobs].filter((id) => id !== job)
    this.jobs = new Set(drafted ? [...others, job] : others)
  }
}

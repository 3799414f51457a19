/** Drafts of this page that the gateway may not have completely, also of jobs that were left. */

import type { DraftSync } from './draft'

const open = new Map<string, DraftSync>()

/** Remembers the draft of a job until everything is saved. */
export function track(job: string, sync: DraftSync): void {
  open.set(job, sync)
}

/** Sends what is left of a draft; false if that failed. */
export async function settled(job: string): Promise<boolean> {
  const sync = open.get(job)
  if (sync === undefined || !(await sync.flush())) return sync === undefined || sync.ended
  if (open.get(job) === sync) open.delete(job)
  return true
}

/** Sends what is left of all drafts; false if that failed. */
export async function allSettled(): Promise<boolean> {
  return (await Promise.all([...open.keys()].map(settled))).every(Boolean)
}

/** Goes on where nobody could be reached, or nobody was signed in. */
export function retryAll(): void {
  for (const sync of all()) sync.retry()
}

/** What waits is not to be sent any more. */
export function forget(job: string): void {
  open.get(job)?.stop()
  open.delete(job)
}

function all(): DraftSync[] {
  return [...open.values()]
}

window.addEventListener('beforeunload', (event) => {
  if (all().some((sync) => sync.unsaved)) event.preventDefault() // the browser asks
})
window.addEventListener('pagehide', () => {
  for (const sync of all()) void sync.flush()
})
window.addEventListener('online', retryAll)

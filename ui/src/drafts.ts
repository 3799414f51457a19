/** Comments that are not saved yet, one for each job, kept in the browser for a week. */

import { ownKey } from './owner'

const PREFIX = 'tessera.draft.'
export const MOST_DRAFTS = 50
export const DRAFT_DAYS = 7

interface Draft {
  text: string
  at: number
}

/** The draft of a job's comment; empty if there is none. */
export function draftOf(job: string): string {
  return read(keyOf(job))?.text ?? ''
}

function keyOf(job: string): string {
  return ownKey(PREFIX, job)
}

/** Keeps the draft; an empty one is removed. */
export function keepDraft(job: string, text: string, now: number = Date.now()): void {
  try {
    if (text.trim() === '') localStorage.removeItem(keyOf(job))
    else localStorage.setItem(keyOf(job), JSON.stringify({ text, at: now }))
  } catch {
    // storage may be disabled or full: then the draft lasts as long as the job is on screen
  }
}

/** Removes drafts that are old, and the oldest ones beyond the limit. */
export function tidyDrafts(now: number = Date.now()): void {
  const drafts = keys().map((key) => ({ key, at: read(key)?.at ?? 0 }))
  drafts.sort((a, b) => b.at - a.at)
  const oldest = now - DRAFT_DAYS * 86_400_000
  drafts.forEach(({ key, at }, n) => {
    if (n >= MOST_DRAFTS || at < oldest) localStorage.removeItem(key)
  })
}

function keys(): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))
  } catch {
    return []
  }
}

function read(key: string): Draft | null {
  try {
    const draft = JSON.parse(localStorage.getItem(key) ?? 'null') as Partial<Draft> | null
    return typeof draft?.text === 'string' ? { text: draft.text, at: Number(draft.at) || 0 } : null
  } catch {
    return null
  }
}

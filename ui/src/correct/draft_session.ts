/** The draft of the correction on screen, whose changes go to the gateway. */

import * as api from '../api'
import type { Draft, Job } from '../schemas'
import type { Legend } from '../viewer/legend'
import { Activity } from './activity'
import { DraftSync } from './draft'
import type { Editor } from './editor'
import { track } from './open_drafts'
import { pack, read, translated } from './wire'

export class DraftSession {
  readonly activity = new Activity()
  readonly sync: DraftSync

  /** Sends what the editor changes from now on. `changed`: the state of the draft is another. */
  constructor(
    readonly job: Job,
    readonly draft: Draft,
    editor: Editor,
    legend: Legend,
    changed: () => void,
  ) {
    this.sync = new DraftSync(
      draft.changes,
      async ({ number, runs, seconds }) =>
        api.appendChanges(draft, number, await pack(runs), seconds),
      () => this.activity.take(),
      changed,
    )
    track(job.id, this.sync)
    editor.listen(({ runs }) => {
      this.sync.add(translated(runs, (slot) => legend.valueOf(slot)))
    })
  }

  /** Whether another window has changed the draft meanwhile, as far as the gateway can tell. */
  async changedElsewhere(): Promise<boolean> {
    const { sync, job, draft } = this
    if (sync.ended || sync.unsaved) return false
    const known = sync.number
    const now = await api.draftIfAny(job.id, draft.reader).catch(() => undefined)
    if (now === undefined || sync.unsaved || sync.number !== known) return false
    return now?.id !== draft.id || now.changes !== known
  }

  /** A correction in which nothing was done leaves no draft. */
  tidy(): void {
    const { sync } = this
    if (sync.number === 0 && !sync.unsaved && !sync.ended) {
      api.discardDraft(this.draft).catch(() => {}) // the gateway deletes old ones
    }
  }
}

/** What a draft has changed so far: runs (start, length, value). */
export async function changesOf(draft: Draft): Promise<Uint32Array> {
  if (draft.changes === 0) return new Uint32Array()
  return read(await api.bytes(api.draftChanges(draft), new AbortController().signal))
}

/** Gives up a draft, also one that was saved or given up meanwhile. */
export async function discard(draft: Draft): Promise<void> {
  try {
    await api.discardDraft(draft)
  } catch (error) {
    if (![404, 409].includes(api.problemOf(error).status)) throw error
  }
}

/**
 * What can be undone in a draft that was kept, until it is continued on the same page.
 *
 * The gateway stores the changes of a draft, but not the steps of its reader: one set of changes may
 * be several strokes or a part of one. So undo begins anew after a reload.
 */

import type { Draft } from '../schemas'
import type { Editor, History } from './editor'

export class KeptHistory {
  private known: { draft: string; changes: number; history: History } | null = null

  /** `changes`: the number of the last set of changes that the gateway has. */
  keep({ id }: Pick<Draft, 'id'>, changes: number, { history }: Pick<Editor, 'history'>): void {
    this.known = { draft: id, changes, history }
  }

  /** Gives an editor its history back; false if the draft is another, or was changed elsewhere. */
  resume({ id, changes }: Pick<Draft, 'id' | 'changes'>, editor: Pick<Editor, 'resume'>): boolean {
    const { known } = this
    this.known = null
    if (known?.draft !== id || known.changes !== changes) return false
    editor.resume(known.history)
    return true
  }
}

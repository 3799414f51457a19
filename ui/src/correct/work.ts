/** The work of a tool that takes a moment: until it is done, nothing else may change the labels. */

import { problemOf } from '../requests'
import type { Problem } from '../schemas'
import type { Editor } from './editor'
import type { Edit } from './labels'
import { nothingText } from './nothing'

export interface WorkEvents {
  /** A tool begins to work: an earlier failure no longer matters. */
  began: () => void
  changed: () => void
  say: (text: string) => void
  failed: (problem: Problem) => void
}

export class Work {
  private current: { cancel: (() => void) | null } | null = null
  private ended = false

  constructor(
    private readonly editor: Editor,
    private readonly events: WorkEvents,
    private readonly nameOf: (slot: number) => string,
  ) {}

  /** Whether a tool works. */
  get busy(): boolean {
    return this.current !== null
  }

  /** Whether the reader can end the wait for it. */
  get stoppable(): boolean {
    return (this.current?.cancel ?? null) !== null
  }

  cancel(): void {
    this.current?.cancel?.()
  }

  /** The correction ends: what comes later is not applied. */
  end(): void {
    this.cancel()
    this.current = null
    this.ended = true
  }

  /** Applies edits when they are known: see `later` of the context of tools. */
  async apply(
    name: string,
    edits: Promise<Edit[] | null>,
    cancel: (() => void) | null,
  ): Promise<boolean> {
    const own = { cancel }
    this.current = own
    this.events.began()
    this.events.changed()
    try {
      const all = await edits
      return !this.ended && this.finish(name, all)
    } catch (error) {
      if (!this.ended) this.events.failed(problemOf(error))
      return false
    } finally {
      if (this.current === own) this.current = null
      this.events.changed()
    }
  }

  /** `edits`: null if the reader ended the wait. */
  private finish(name: string, edits: Edit[] | null): boolean {
    const changed = edits !== null && this.editor.apply(edits, name)
    if (!changed)
      this.events.say(
        edits === null
          ? `${name}: cancelled.`
          : nothingText(name, { editor: this.editor, nameOf: this.nameOf }),
      )
    return changed
  }
}

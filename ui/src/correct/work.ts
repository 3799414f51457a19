/** The work of tools that takes a moment. */

import { problemOf } from '../requests'
import type { Problem } from '../schemas'
import type { Editor } from './editor'
import type { Edit } from './labels'
import { nothingText } from './nothing'

export interface WorkEvents {
  /** A tool begins to work: an earlier failure no longer matters. */
  began: () => void
  changed: () => void
  say: (text: string, warns?: boolean) => void
  failed: (problem: Problem) => void
}

export interface Task {
  name: string
  /** Ends the wait; null: the reader cannot. */
  cancel: (() => void) | null
  /** When it began, in milliseconds of `performance.now`. */
  since: number
  /** Whether the reader goes on meanwhile; else nothing else may change the labels. */
  aside: boolean
}

export class Work {
  private readonly tasks = new Set<Task>()
  /** Settles when the last task that is not aside is done. */
  private blocked: Promise<unknown> = Promise.resolve()
  private ended = false

  constructor(
    private readonly editor: Editor,
    private readonly events: WorkEvents,
    private readonly nameOf: (slot: number) => string,
  ) {}

  /** What tools do now. */
  get running(): Task[] {
    return [...this.tasks]
  }

  /** Whether nothing else may change the labels. */
  get busy(): boolean {
    return this.running.some(({ aside }) => !aside)
  }

  /** Ends the wait for what the reader cannot go on without, or else for all. */
  cancel(): void {
    const { running, busy } = this
    for (const task of running) if (!busy || !task.aside) task.cancel?.()
  }

  /** The correction ends: what comes later is not applied. */
  end(): void {
    for (const task of this.running) task.cancel?.()
    this.tasks.clear()
    this.ended = true
  }

  /** Applies edits when they are known: see `later` and `aside` of the context of tools. */
  apply(task: Task, edits: Promise<(() => Edit[]) | null>): Promise<boolean> {
    this.tasks.add(task)
    const done = this.run(task, edits)
    if (!task.aside) this.blocked = done
    this.events.began()
    this.events.changed()
    return done
  }

  private async run(task: Task, edits: Promise<(() => Edit[]) | null>): Promise<boolean> {
    try {
      const all = await edits
      if (task.aside) await this.turn()
      return !this.ended && this.finish(task, all?.() ?? null)
    } catch (error) {
      if (!this.ended) this.events.failed(problemOf(error))
      return false
    } finally {
      this.tasks.delete(task)
      this.events.changed()
    }
  }

  /** Waits until nothing else changes the labels: no other work, and no stroke. */
  private async turn(): Promise<void> {
    do {
      await this.blocked
      await this.editor.settled()
    } while (this.busy)
  }

  /** `edits`: null if the reader ended the wait. What is done aside is said by its tool. */
  private finish({ name, aside }: Task, edits: Edit[] | null): boolean {
    const changed = edits !== null && this.editor.apply(edits, name)
    if (!changed && !aside)
      this.events.say(
        edits === null
          ? `${name}: cancelled.`
          : nothingText(name, { editor: this.editor, nameOf: this.nameOf }),
      )
    return changed
  }
}

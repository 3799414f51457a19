/** Changes labels, undoes and repeats the changes, and says what changed. */

import { Difference } from './difference'
import { type Edit, type LabelVolume, Numbers } from './labels'
import {
  type Change,
  changeOf,
  SLOTS,
  type Step,
  type Writing,
  writeEdit,
  writeRuns,
} from './writing'

/** Which voxels may be changed. */
export interface Protection {
  /** Slots that lose and gain no voxels. */
  locked: ReadonlySet<number>
  /** Only voxels of this slot are changed (0: of the background); null: of any. */
  only: number | null
}

/** What can be undone and repeated: the next step is the last one of each list. */
export interface History {
  done: readonly Step[]
  undone: readonly Step[]
}

type Listener = (change: Change) => void

export class Editor {
  protection: Protection = { locked: new Set(), only: null }
  /** Voxels of each slot. */
  readonly counts = new Uint32Array(SLOTS)
  /** What differs from the labels that the editor began with. */
  readonly difference: Difference
  private readonly listeners = new Set<Listener>()
  private done: Step[] = []
  private undone: Step[] = []
  private open: Step | null = null
  /** What waits for the end of the open step. */
  private readonly waiting: (() => void)[] = []

  constructor(readonly volume: LabelVolume) {
    for (const slot of volume.data) this.counts[slot]!++
    this.difference = new Difference(volume)
  }

  /** Returns what ends the calls. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Changes labels in one step; false if no voxel changed. */
  apply(edits: readonly Edit[], name: string): boolean {
    this.begin(name)
    this.extend(edits)
    return this.end()
  }

  /** Begins a step that grows, as a stroke does. */
  begin(name: string): void {
    this.end()
    this.open = { name, parts: [] }
  }

  /** Changes labels as a part of the step; false if no voxel changed. */
  extend(edits: readonly Edit[]): boolean {
    if (this.open === null) return false
    const writing = this.writing()
    for (const edit of edits) {
      const part = writeEdit(writing, edit, this.allowed(edit.slot))
      if (part.after.length > 0) this.open.parts.push(part)
    }
    return this.tell(writing)
  }

  /** Ends the step; false if it changed nothing. */
  end(): boolean {
    const step = this.close()
    if (step === null || step.parts.length === 0) return false
    this.done.push(step)
    this.undone = []
    return true
  }

  /** Takes back what the step changed so far. */
  cancel(): void {
    const step = this.close()
    if (step !== null) this.replay(step, false)
  }

  private close(): Step | null {
    const step = this.open
    this.open = null
    for (const go of this.waiting.splice(0)) go()
    return step
  }

  /** Waits until no step is open: until the end of a stroke. */
  async settled(): Promise<void> {
    while (this.open !== null) await new Promise<void>((go) => this.waiting.push(go))
  }

  /** Names of the steps that can be undone and repeated next. */
  get undoable(): string | null {
    return this.done.at(-1)?.name ?? null
  }

  get repeatable(): string | null {
    return this.undone.at(-1)?.name ?? null
  }

  get history(): History {
    return { done: [...this.done], undone: [...this.undone] }
  }

  /** Goes on with the history of another editor, which had the same labels. */
  resume({ done, undone }: History): void {
    this.done = [...done]
    this.undone = [...undone]
  }

  /** Voxels that a slot gained and lost in the last step. */
  lastChange(slot: number): { added: number; removed: number } {
    const sum = { added: 0, removed: 0 }
    for (const { before, after } of this.done.at(-1)?.parts ?? []) {
      sum.added += voxelsWith(after, slot)
      sum.removed += voxelsWith(before, slot)
    }
    return sum
  }

  /** Undoes the last step, and returns its name. */
  undo(): string | null {
    this.end()
    const step = this.done.pop()
    if (step === undefined) return null
    this.undone.push(step)
    this.replay(step, false)
    return step.name
  }

  redo(): string | null {
    this.end()
    const step = this.undone.pop()
    if (step === undefined) return null
    this.done.push(step)
    this.replay(step, true)
    return step.name
  }

  /** Applies runs (start, length, slot) of a draft, which cannot be undone. */
  restore(runs: Uint32Array): void {
    const writing = this.writing()
    writeRuns(writing, runs)
    this.tell(writing)
  }

  private replay({ parts }: Step, forward: boolean): void {
    const writing = this.writing()
    if (forward) for (const { after } of parts) writeRuns(writing, after)
    else for (const { before } of [...parts].reverse()) writeRuns(writing, before)
    this.tell(writing)
  }

  /** For each slot, 1 if its voxels may get another one. */
  allowed(slot: number): Uint8Array {
    const { locked, only } = this.protection
    const table = new Uint8Array(SLOTS)
    if (locked.has(slot)) return table
    for (let old = 0; old < SLOTS; old++) {
      table[old] = old !== slot && !locked.has(old) && (only === null || only === old) ? 1 : 0
    }
    return table
  }

  private writing(): Writing {
    const { volume, counts, difference } = this
    return { volume, counts, difference, written: new Numbers(), slots: new Set() }
  }

  private tell(writing: Writing): boolean {
    if (writing.written.length === 0) return false
    const change = changeOf(writing)
    for (const listener of this.listeners) listener(change)
    return true
  }
}

/** The voxels in runs (start, length, slot) of one slot. */
function voxelsWith(runs: Uint32Array, slot: number): number {
  let sum = 0
  for (let n = 0; n < runs.length; n += 3) if (runs[n + 2] === slot) sum += runs[n + 1]!
  return sum
}

/** The label that is painted, and those that are protected. */

import type { Point } from '../schemas'
import type { Legend } from '../viewer/legend'
import type { SettingEvents } from './brush_settings'
import type { Editor } from './editor'

export class LabelChoice {
  /** The slot that is painted. */
  slot = 1

  constructor(
    private readonly editor: Editor,
    private readonly legend: Legend,
    private readonly events: SettingEvents,
  ) {}

  /** Slots that can be painted. */
  get choices(): number[] {
    const { legend, editor } = this
    if (!legend.instances) return legend.labels.map(({ value }) => legend.slotOf(value))
    const used = [...editor.counts.keys()].filter((slot) => slot > 0 && editor.counts[slot]! > 0)
    const next = Math.max(0, ...used) + 1
    return legend.valueOf(next) === 0 ? used : [...used, next]
  }

  nameOf(slot: number): string {
    return slot === 0 ? 'background' : this.legend.nameOf(this.legend.valueOf(slot))
  }

  choose(slot: number): void {
    this.slot = slot
    this.events.say(`Chosen label: ${this.nameOf(slot)}.`)
    this.events.changed()
  }

  /** Begins with the label at a voxel, else with the first one. */
  beginAt([i, j, k]: Point): void {
    const { data, dims } = this.editor.volume
    const slot = data[i + dims[0] * (j + dims[1] * k)] ?? 0
    this.slot = this.choices.includes(slot) ? slot : (this.choices[0] ?? 1)
  }

  isLocked(slot: number): boolean {
    return this.editor.protection.locked.has(slot)
  }

  lock(slot: number, on: boolean): void {
    const locked = new Set(this.editor.protection.locked)
    if (on) locked.add(slot)
    else locked.delete(slot)
    this.editor.protection = { ...this.editor.protection, locked }
    this.events.say(`${this.nameOf(slot)} is ${on ? '' : 'not '}locked.`)
    this.events.changed()
  }

  /** Only voxels of this slot are changed; null: of any. */
  changeOnly(slot: number | null): void {
    this.editor.protection = { ...this.editor.protection, only: slot }
    this.events.changed()
  }
}

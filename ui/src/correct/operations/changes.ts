/** From what a label should be to the edits that make it so. */

import { type Edit, type LabelVolume, Runs, voxelsOf } from '../labels'

const SLOTS = 256

/** For each slot, 1 if it is one of these. */
export function slotTable(slots: Iterable<number>): Uint8Array {
  const table = new Uint8Array(SLOTS)
  for (const slot of slots) table[slot] = 1
  return table
}

/** Collects what a slot gains, of slots in the table `over`, and what it loses to the background. */
export class Changes {
  private readonly gained = new Runs()
  private readonly lost = new Runs()

  constructor(
    private readonly volume: LabelVolume,
    private readonly slot: number,
    private readonly over: Uint8Array,
  ) {}

  /** Voxels come in ascending order. `inside`: whether the voxel should be in the label. */
  add(index: number, inside: boolean): void {
    const old = this.volume.data[index]!
    if (old === this.slot) {
      if (!inside) this.lost.add(index, 1)
    } else if (inside && this.over[old] === 1) this.gained.add(index, 1)
  }

  edits(): Edit[] {
    return withoutEmpty([
      { slot: this.slot, runs: this.gained.toArray() },
      { slot: 0, runs: this.lost.toArray() },
    ])
  }
}

export function withoutEmpty(edits: readonly Edit[]): Edit[] {
  return edits.filter(({ runs }) => voxelsOf(runs) > 0)
}

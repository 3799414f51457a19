/** Shows the labels as they were before the correction, in the place of the present ones. */

import type { Editor } from './editor'

export class Before {
  /** The present labels of the slices that differ, while those from before are shown. */
  private present: Map<number, Uint8Array> | null = null

  /** `draw` gets the stored slices whose labels are others now. */
  constructor(
    private readonly editor: Editor,
    private readonly draw: (slices: number[]) => void,
  ) {}

  get shown(): boolean {
    return this.present !== null
  }

  /** Returns whether that changed something. Nothing may be edited while they are shown. */
  show(on: boolean): boolean {
    if (on === this.shown) return false
    if (on) this.keep()
    else this.restore()
    return true
  }

  private keep(): void {
    const { volume, difference } = this.editor
    const length = volume.dims[0] * volume.dims[1]
    this.present = new Map()
    for (const k of difference.slices) {
      const slice = volume.data.subarray(k * length, (k + 1) * length)
      this.present.set(k, slice.slice())
      slice.set(difference.pageBefore(k)!)
    }
    this.draw([...this.present.keys()])
  }

  private restore(): void {
    const { data, dims } = this.editor.volume
    for (const [k, slice] of this.present!) data.set(slice, k * dims[0] * dims[1])
    this.draw([...this.present!.keys()])
    this.present = null
  }
}

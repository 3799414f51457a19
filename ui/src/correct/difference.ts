/** What differs from the labels before the correction. */

import type { Point } from '../schemas'
import { type LabelVolume, voxelAt } from './labels'

export class Difference {
  /** Copies of stored slices before they were first changed, by their index. */
  private readonly pages = new Map<number, Uint8Array>()
  /** For each axis, how many voxels of each slice differ. */
  private readonly counts: [Int32Array, Int32Array, Int32Array]

  constructor(private readonly volume: LabelVolume) {
    this.counts = volume.dims.map((n) => new Int32Array(n)) as typeof this.counts
  }

  /** A run of voxels with the slot `old` is about to get another one. */
  note(start: number, length: number, old: number, slot: number): void {
    const [ni] = this.volume.dims
    let at = start
    while (at < start + length) {
      const voxel = voxelAt(at, this.volume.dims)
      const count = Math.min(start + length - at, ni - voxel[0])
      const page = this.pageOf(voxel[2])
      this.noteInRow(page, voxel[0] + ni * voxel[1], voxel, count, old, slot)
      at += count
    }
  }

  /** Whether any voxel differs. */
  get any(): boolean {
    return this.counts[2].some((n) => n > 0)
  }

  /** The slot that a voxel had before the correction. */
  before(index: number): number {
    const [ni, nj] = this.volume.dims
    const page = this.pages.get(Math.floor(index / (ni * nj)))
    return page === undefined ? this.volume.data[index]! : page[index % (ni * nj)]!
  }

  /** The stored slice before the correction, if it differs now. */
  pageBefore(k: number): Uint8Array | null {
    return this.counts[2][k]! > 0 ? this.pages.get(k)! : null
  }

  /** The stored slices (indices along the last axis) that differ. */
  get slices(): number[] {
    return [...this.counts[2].keys()].filter((k) => this.counts[2][k]! > 0)
  }

  /** The next slice along an axis that differs, beginning again at the end; null without any. */
  next(axis: 0 | 1 | 2, from: number, step: 1 | -1): number | null {
    const counts = this.counts[axis]
    for (let n = 1; n <= counts.length; n++) {
      const at = (from + n * step + counts.length) % counts.length
      if (counts[at]! > 0) return at
    }
    return null
  }

  private noteInRow(
    page: Uint8Array,
    from: number,
    [i, j, k]: Point,
    count: number,
    old: number,
    slot: number,
  ): void {
    const [alongI, alongJ, alongK] = this.counts
    let sum = 0
    for (let n = 0; n < count; n++) {
      const was = page[from + n]!
      const change = (slot !== was ? 1 : 0) - (old !== was ? 1 : 0)
      alongI[i + n]! += change
      sum += change
    }
    alongJ[j]! += sum
    alongK[k]! += sum
  }

  private pageOf(k: number): Uint8Array {
    let page = this.pages.get(k)
    if (page === undefined) {
      const { data, dims } = this.volume
      page = data.slice(k * dims[0] * dims[1], (k + 1) * dims[0] * dims[1])
      this.pages.set(k, page)
    }
    return page
  }
}

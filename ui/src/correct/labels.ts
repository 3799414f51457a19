/** The labels that are corrected, and what changes them. */

import type { Point } from '../schemas'

/** The slots of the legend (1..254; 0: background), on the scan's own grid, first axis fastest. */
export interface LabelVolume {
  data: Uint8Array
  dims: Point
  /** mm along each axis. */
  spacing: Point
}

export interface VoxelBox {
  /** Inclusive. */
  low: Point
  /** Exclusive. */
  high: Point
}

/** Voxels that get one slot. */
export interface Edit {
  slot: number
  /** Pairs (start, length) of flat indices, ascending. */
  runs: Uint32Array
}

/** A growing list of whole numbers. */
export class Numbers {
  private data = new Uint32Array(64)
  private used = 0

  get length(): number {
    return this.used
  }

  push(...values: number[]): void {
    while (this.used + values.length > this.data.length) {
      const larger = new Uint32Array(2 * this.data.length)
      larger.set(this.data)
      this.data = larger
    }
    this.data.set(values, this.used)
    this.used += values.length
  }

  /** A copy of exactly what is in it. */
  toArray(): Uint32Array {
    return this.data.slice(0, this.used)
  }
}

/** Collects ascending runs; those that touch become one. */
export class Runs {
  private readonly pairs = new Numbers()
  private start = 0
  private end = 0

  add(start: number, length: number): void {
    if (length <= 0) return
    if (this.end > this.start && start === this.end) {
      this.end += length
      return
    }
    this.flush()
    this.start = start
    this.end = start + length
  }

  toArray(): Uint32Array {
    this.flush()
    this.start = this.end
    return this.pairs.toArray()
  }

  private flush(): void {
    if (this.end > this.start) this.pairs.push(this.start, this.end - this.start)
  }
}

/** Neighbouring runs (start, length, slot) of one slot are one run. */
export function joined(runs: Uint32Array): Uint32Array {
  const result = runs.slice()
  let used = 0
  for (let n = 0; n < runs.length; n += 3) {
    const last = used - 3
    const [start, length, slot] = [runs[n]!, runs[n + 1]!, runs[n + 2]!]
    if (last >= 0 && result[last]! + result[last + 1]! === start && result[last + 2] === slot) {
      result[last + 1]! += length
      continue
    }
    result.set([start, length, slot], used)
    used += 3
  }
  return result.slice(0, used)
}

/** The number of voxels in runs. */
export function voxelsOf(runs: Uint32Array): number {
  let sum = 0
  for (let n = 1; n < runs.length; n += 2) sum += runs[n]!
  return sum
}

/** The voxel (i, j, k) of a flat index. */
export function voxelAt(index: number, [ni, nj]: Point): Point {
  const row = Math.floor(index / ni)
  return [index % ni, row % nj, Math.floor(row / nj)]
}

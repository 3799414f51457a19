/** Small grids as text, for tests: a digit is a slot, a full stop is background. */

import type { Point } from '../../schemas'
import type { Edit, LabelVolume } from '../labels'

/** Slices along the last axis; each has rows along the second axis. */
export function volumeOf(slices: string[][], spacing: Point = [1, 1, 1]): LabelVolume {
  const rows = slices.flat()
  const data = Uint8Array.from(rows.join(''), (one) => (one === '.' ? 0 : Number(one)))
  return { data, dims: [rows[0]!.length, slices[0]!.length, slices.length], spacing }
}

/** The same text after edits, which must be in order and change what they claim to. */
export function pictureOf(
  { data, dims: [ni, nj, nk] }: LabelVolume,
  edits: readonly Edit[],
): string[][] {
  const changed = data.slice()
  for (const { slot, runs } of edits) {
    for (let n = 0, least = 0; n < runs.length; n += 2) {
      const [start, length] = [runs[n]!, runs[n + 1]!]
      if (start < least || length < 1) throw new Error('The runs are not in ascending order.')
      least = start + length
      if (least > data.length) throw new Error('A run ends beyond the grid.')
      changed.fill(slot, start, least)
    }
  }
  const row = (n: number): string =>
    [...changed.subarray(n * ni, (n + 1) * ni)].map((one) => (one === 0 ? '.' : one)).join('')
  return Array.from({ length: nk }, (_, k) => Array.from({ length: nj }, (_, j) => row(k * nj + j)))
}

/** Repeatable numbers from 0 to 1 (a linear congruential generator). */
export function numbersFrom(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32
}

/** A grid with random slots below `slots`. */
export function randomVolume(
  dims: Point,
  spacing: Point,
  slots: number,
  seed: number,
): LabelVolume {
  const next = numbersFrom(seed)
  const length = dims[0] * dims[1] * dims[2]
  return { data: Uint8Array.from({ length }, () => Math.floor(next() * slots)), dims, spacing }
}

/** The voxel indices of edits to one slot. */
export function indicesOf(edits: readonly Edit[], slot: number): number[] {
  return edits
    .filter((one) => one.slot === slot)
    .flatMap(({ runs }) => {
      const found: number[] = []
      for (let n = 0; n < runs.length; n += 2)
        for (let at = runs[n]!; at < runs[n]! + runs[n + 1]!; at++) found.push(at)
      return found
    })
}

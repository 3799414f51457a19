/** Where two masks differ, for each voxel: what the page draws. The service counts the same. */

import type { Comparison } from '../schemas'
import type { Grid } from '../viewer/nifti'

/** What a voxel is in the two masks, A and B; 0 in neither. */
export const ONLY_A = 1
export const ONLY_B = 2
export const OTHER = 3
export const SAME = 4

export interface MaskDifference {
  /** The kind of each voxel. */
  kinds: Grid
  /** Voxels of each kind. */
  counts: number[]
  /** Voxels that differ in each slice, along each axis. */
  slices: [Uint32Array, Uint32Array, Uint32Array]
}

/** How labels are compared: as the service did. */
export type Meaning = Pick<Comparison, 'objects' | 'renumbered'>

/** Compares two masks on one grid. */
export function differenceOf(first: Grid, second: Grid, meaning: Meaning): MaskDifference {
  const [ni, nj, nk] = first.dims
  const kinds = new Uint8Array(first.data.length)
  const counts = [0, 0, 0, 0, 0]
  const slices = [new Uint32Array(ni), new Uint32Array(nj), new Uint32Array(nk)] as const
  const renumbered = new Map(
    Object.entries(meaning.renumbered).map(([old, now]) => [Number(old), now]),
  )
  let at = 0
  for (let k = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, at++) {
        const a = first.data[at]!
        const stored = second.data[at]!
        if (a === 0 && stored === 0) continue // most voxels
        const b = renumbered.get(stored) ?? stored
        const kind = kindOf(a, b, meaning.objects)
        kinds[at] = kind
        counts[kind]! += 1
        if (kind === SAME) continue
        slices[0][i]! += 1
        slices[1][j]! += 1
        slices[2][k]! += 1
      }
    }
  }
  return { kinds: { ...first, data: kinds, components: 1 }, counts, slices: [...slices] }
}

function kindOf(a: number, b: number, objects: boolean): number {
  if (b === 0) return ONLY_A
  if (a === 0) return ONLY_B
  return objects || a === b ? SAME : OTHER
}

/** The next slice (or the previous one, for a step of -1) with differences; null if there is none. */
export function neighbour(
  slices: ArrayLike<number>,
  from: number,
  step: 1 | -1,
  every = 1,
): number | null {
  for (let n = from + step * every; n >= 0 && n < slices.length; n += step * every) {
    if (slices[n]! > 0) return n
  }
  return null
}

/** The voxel of a slice that differs and is nearest to the middle of all that differ there. */
export function middleOf(
  { kinds }: MaskDifference,
  axis: 0 | 1 | 2,
  slice: number,
): [number, number, number] | null {
  const across = ([0, 1, 2] as const).filter((n) => n !== axis) as [0 | 1 | 2, 0 | 1 | 2]
  const found: [number, number][] = []
  const voxel: [number, number, number] = [0, 0, 0]
  voxel[axis] = slice
  for (let b = 0; b < kinds.dims[across[1]]; b++) {
    for (let a = 0; a < kinds.dims[across[0]]; a++) {
      voxel[across[0]] = a
      voxel[across[1]] = b
      const kind = kinds.data[voxel[0] + kinds.dims[0] * (voxel[1] + kinds.dims[1] * voxel[2])]!
      if (kind !== 0 && kind !== SAME) found.push([a, b])
    }
  }
  if (found.length === 0) return null
  const mean = [0, 1].map((n) => found.reduce((sum, one) => sum + one[n]!, 0) / found.length)
  const far = ([a, b]: [number, number]): number => Math.hypot(a - mean[0]!, b - mean[1]!)
  const nearest = found.reduce((best, one) => (far(one) < far(best) ? one : best))
  voxel[across[0]] = nearest[0]
  voxel[across[1]] = nearest[1]
  return voxel
}

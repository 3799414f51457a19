/** Which of the scans that were added are masks of others, judged by their names and grids. */

import type { Scan } from './schemas'

const WORDS =
  /(^|[^a-z])(seg|segmentation|label|labels|labelmap|mask|masks|roi|gt|annotation)([^a-z]|$)/i
const ENDINGS = /(\.[a-z]{2,5})(\.gz)?$/i

type Listed = Pick<Scan, 'id' | 'name' | 'shape' | 'format'>

/** Scans on whose grid the label map may be: its axes may be in another order. */
export function possibleScans<T extends Listed>(mask: T, scans: T[]): T[] {
  if (mask.format === 'dicom' || mask.shape[0] !== 1) return []
  return scans.filter((scan) => scan.id !== mask.id && sizes(scan) === sizes(mask))
}

/** The scan that the file is a mask of, by its name; undefined if it looks like a scan. */
export function guessedScan<T extends Listed>(mask: T, scans: T[]): T | undefined {
  if (!looksLikeMask(mask.name)) return undefined
  const others = possibleScans(mask, scans).filter((scan) => !looksLikeMask(scan.name))
  if (others.length < 2) return others[0]
  const shared = others.map((scan) => sharedStart(scan.name, mask.name))
  const most = Math.max(...shared)
  const best = others.filter((_, n) => shared[n] === most)
  return best.length === 1 ? best[0] : undefined
}

export function looksLikeMask(name: string): boolean {
  return WORDS.test(name.replace(ENDINGS, ''))
}

function sizes({ shape }: Listed): string {
  return [...shape.slice(1)]
    .filter((n) => n > 1)
    .sort((a, b) => a - b)
    .join()
}

function sharedStart(one: string, other: string): number {
  let n = 0
  while (n < one.length && one[n]!.toLowerCase() === other[n]?.toLowerCase()) n++
  return n
}

/**
 * Which voxels of a slice a polygon contains: those whose centre is inside it or on its border,
 * as for measured regions (measure/statistics.ts).
 *
 * A polygon that crosses itself contains what it winds around (the rule `nonzero` of SVG), so a
 * loop at the end of a line drawn by hand leaves no hole.
 */

/** In voxels along the axes u and v of a slice; the centre of a voxel has whole numbers. */
export type Corner = readonly [number, number]

/** Voxels this far outside count, as a fraction of a voxel: both sides round alike. */
const BORDER = 1e-3

type Interval = [number, number]

/** For each row v, the ranges [first, last] of voxels inside, in ascending order. */
export function rowsInside(
  corners: readonly Corner[],
  nu: number,
  nv: number,
): Map<number, Interval[]> {
  const rows = new Map<number, Interval[]>()
  const heights = corners.map(([, v]) => v)
  const first = Math.max(0, Math.ceil(Math.min(...heights) - BORDER))
  const last = Math.min(nv - 1, Math.floor(Math.max(...heights) + BORDER))
  for (let v = first; v <= last; v++) {
    const ranges = voxelsOf([...wound(corners, v), ...touched(corners, v)], nu)
    if (ranges.length > 0) rows.set(v, ranges)
  }
  return rows
}

/** Where the polygon winds around the points of a row. */
function wound(corners: readonly Corner[], v: number): Interval[] {
  const crossings: { at: number; turn: number }[] = []
  for (const [a, b] of edgesOf(corners)) {
    if (a[1] <= v === b[1] <= v) continue
    const at = a[0] + ((v - a[1]) / (b[1] - a[1])) * (b[0] - a[0])
    crossings.push({ at, turn: a[1] < b[1] ? 1 : -1 })
  }
  crossings.sort((one, other) => one.at - other.at)
  const intervals: Interval[] = []
  let turns = 0
  for (const { at, turn } of crossings) {
    if (turns === 0) intervals.push([at, at])
    turns += turn
    intervals.at(-1)![1] = at
  }
  return intervals
}

/** The parts of the edges on a row. */
function touched(corners: readonly Corner[], v: number): Interval[] {
  const intervals: Interval[] = []
  for (const [a, b] of edgesOf(corners)) {
    const [low, high] = a[1] <= b[1] ? [a, b] : [b, a]
    if (high[1] < v - BORDER || low[1] > v + BORDER) continue
    const height = high[1] - low[1]
    const along = (row: number): number => {
      const share = height === 0 ? 0 : Math.min(1, Math.max(0, (row - low[1]) / height))
      return low[0] + share * (high[0] - low[0])
    }
    const ends = height <= 2 * BORDER ? [a[0], b[0]] : [along(v - BORDER), along(v + BORDER)]
    intervals.push([Math.min(...ends), Math.max(...ends)])
  }
  return intervals
}

function edgesOf(corners: readonly Corner[]): [Corner, Corner][] {
  return corners.map((corner, n) => [corner, corners[(n + 1) % corners.length]!])
}

/** The voxels in intervals of a row, joined where these touch or overlap. */
function voxelsOf(intervals: Interval[], nu: number): Interval[] {
  const ranges = intervals
    .map(([from, to]): Interval => {
      return [Math.max(0, Math.ceil(from - BORDER)), Math.min(nu - 1, Math.floor(to + BORDER))]
    })
    .filter(([from, to]) => from <= to)
    .sort((one, other) => one[0] - other[0])
  const joined: Interval[] = []
  for (const [from, to] of ranges) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

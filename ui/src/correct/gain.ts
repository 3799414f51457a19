/** What a step did to the size of a label: one sees one slice of it, or three. */

const LARGE = 0.25 // of the label: more may be a slip
export const TAKE_BACK = 'Undo (Ctrl + Z) takes it back'

/** In voxels. */
export interface Gain {
  before: number
  added: number
  removed: number
}

/** Whether so much of the label was added or removed that the reader should look again. */
export function isLarge({ before, added, removed }: Gain): boolean {
  return before > 0 && Math.max(added, removed) > LARGE * before
}

/** "0.85 ml, 41 % less"; both parts are stated if it gained and lost. `size`: of voxels. */
export function gainText(
  { before, added, removed }: Gain,
  size: (voxels: number) => string,
): string {
  if (added === 0 && removed === 0) return 'done'
  const parts = added > 0 && removed > 0 ? ` (${size(added)} added, ${size(removed)} removed)` : ''
  const net = added - removed
  if (net === 0) return `the size is as before${parts}`
  const share = before === 0 ? '' : `, ${percentText(Math.abs(net) / before)}`
  return `${size(Math.abs(net))}${share} ${net > 0 ? 'more' : 'less'}${parts}`
}

function percentText(share: number): string {
  const percent = 100 * share
  return percent < 0.1 ? 'under 0.1 %' : `${Number(percent.toPrecision(2))} %`
}

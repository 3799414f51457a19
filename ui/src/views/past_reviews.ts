/** The reviews of a mask that were given before, newest first, and who else has it open. */

import { element } from '../element'
import { reasonText } from '../reasons'
import { comparing, hashOf } from '../route'
import type { Review, Viewer } from '../schemas'
import { durationText, timeText } from '../text'

export const VERDICTS = { accepted: 'Accepted', corrected: 'Corrected', rejected: 'Rejected' }

const ROLES = { reading: '', surplus: ', surplus', adjudication: ', decides' }

export function reviewRow(review: Review): HTMLElement {
  const by = review.reviewer === '' ? '' : ` by ${review.reviewer}`
  const withdrawn =
    review.withdrawn_at === null ? '' : `, withdrawn ${timeText(review.withdrawn_at)}`
  const role = review.role === null ? '' : ROLES[review.role]
  return element(
    'li',
    { 'data-verdict': review.withdrawn_at === null ? review.verdict : 'withdrawn' },
    element('strong', {}, VERDICTS[review.verdict]),
    element('span.fact', {}, `${by} ${timeText(review.created_at)}${role}${withdrawn}`),
    review.reasons.length > 0 && element('p', {}, reasonText(review.reasons)),
    review.comment !== '' && element('p', {}, review.comment),
    review.mask_format !== null && review.withdrawn_at === null && compareLink(review),
  )
}

/** To the mask before the correction, and the corrected one beside it. */
function compareLink({ job, id }: Review): HTMLElement {
  const route = comparing({ job, review: null }, { job, review: id })
  return element('p', {}, element('a', { href: hashOf(route) }, 'Compare with the mask before'))
}

/** "Dr. B has had this open for 3 min." `me` is the reader's own name. */
export function openText(viewer: Viewer, me: string, now: number = Date.now()): string {
  if (viewer.reader !== '' && viewer.reader === me) return 'You have this open in another window.'
  const who = viewer.reader === '' ? 'Another reader' : viewer.reader
  const seconds = (now - Date.parse(viewer.since)) / 1000
  if (seconds < 90) return `${who} has just opened this.`
  return `${who} has had this open for ${durationText(seconds)}.`
}

/** Whether a draft is later than what was said about the mask. */

import type { Draft, Job } from '../schemas'

/**
 * Whether the draft is what its reader opens the job for. A verdict on another mask than the one
 * that the draft changes is later: the draft must not look like the mask with this verdict.
 */
export function isNewest(
  { base }: Pick<Draft, 'base'>,
  { verdict, review }: Pick<Job, 'verdict' | 'review'>,
): boolean {
  return verdict === null || (base !== null && base === review)
}

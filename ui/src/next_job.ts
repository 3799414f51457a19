/** Which job a reader judges next. */

import type { Job } from './schemas'

/** The first job after `here` in this order that has a mask and no verdict, or one before it. */
export function nextUnreviewed(order: Job[], here: string): Job | undefined {
  const at = order.findIndex((job) => job.id === here)
  const others = [...order.slice(at + 1), ...order.slice(0, Math.max(0, at))]
  return others.find((job) => job.state === 'succeeded' && job.verdict === null)
}

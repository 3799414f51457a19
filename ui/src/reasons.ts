/** Why a mask is rejected, as readers see it. */

import type { Reason } from './schemas'

/** The order is that of the keys 1, 2 and so on; new reasons come last, so that keys stay. */
const TEXTS: Record<Reason, string> = {
  'missed-part': 'Missed part',
  leak: 'Leak',
  'wrong-side': 'Wrong side',
  'wrong-model': 'Wrong model',
  'image-quality': 'Image quality',
  other: 'Other',
  'merged-or-split': 'Merged or split objects',
}

export const REASONS = Object.entries(TEXTS) as [Reason, string][]

export function reasonText(reasons: Reason[]): string {
  return reasons.map((reason) => TEXTS[reason] ?? reason).join(', ')
}

/** Second readings as text. */

import type { SecondReading, Verdict } from './schemas'
import { countText } from './text'

/** What the reader must know before judging, or after it. */
export function noteText(reading: SecondReading): string {
  const left = reading.readers - reading.given
  switch (reading.state) {
    case 'open':
      if (reading.mine && left > 0) {
        const others = countText(left, 'other reader has', 'other readers have')
        return `Your verdict is hidden from others until ${others} judged this mask. You can still change it.`
      }
      return `${reading.given} of ${reading.readers} readings are given. Other readers’ verdicts are hidden until all are given.`
    case 'adjudicate':
      return reading.may_adjudicate
        ? 'The readers differ. Compare their readings: your verdict decides, and is the job’s.'
        : 'The readers differ. Another reader decides.'
    case 'complete':
      return reading.agreement?.reviews.includes(reading.review ?? '')
        ? 'The readers agree.'
        : 'Another reader has decided.'
  }
}

/** "Dice 0.93", or why there is none. */
export function diceText(dice: number | null): string {
  return dice === null ? 'no mask to compare' : `Dice ${dice.toFixed(2)}`
}

/** A share of 1 as percent with its interval: "67 % (21 to 94 %)". */
export function shareText(share: { value: number; low: number; high: number }): string {
  const percent = (value: number): string => (100 * value).toFixed(0)
  return `${percent(share.value)} % (${percent(share.low)} to ${percent(share.high)} %)`
}

/** "0.43 (0.32 to 0.53)". */
export function kappaText(kappa: { value: number; low: number; high: number }): string {
  return `${kappa.value.toFixed(2)} (${kappa.low.toFixed(2)} to ${kappa.high.toFixed(2)})`
}

/** A mask that readers compare: the model's own one, or the one that a reader corrected. */
export interface ReaderMask {
  label: string
  /** The review with the mask; null: the model's own. */
  review: string | null
}

/** The masks of the readings, the model's own one first. A reader who accepted has that one. */
export function readerMasks(reading: SecondReading): ReaderMask[] {
  const agreement = reading.agreement
  const corrected = (agreement?.reviews ?? [])
    .map((review, n) => ({ review, label: agreement!.readers[n]!, at: agreement!.verdicts[n] }))
    .filter(({ at }) => at === ('corrected' satisfies Verdict))
  if (corrected.length === 0) return []
  return [
    { label: 'Model', review: null },
    ...corrected.map(({ review, label }) => ({ review, label })),
  ]
}

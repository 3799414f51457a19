/** Performs orders in a thread of its own: the page stays usable meanwhile. */

import type { LabelVolume } from './labels'
import { type Order, type Outcome, perform } from './operations/orders'

/** Orders are numbered, so that an answer is that of its order. */
export interface Request {
  id: number
  volume: LabelVolume
  slot: number
  order: Order
}

export interface Answer {
  id: number
  outcome: Outcome
}

self.onmessage = ({ data: { id, volume, slot, order } }: MessageEvent<Request>) => {
  const answer: Answer = { id, outcome: perform(volume, slot, order) }
  const transfer = answer.outcome.edits.map(({ runs }) => runs.buffer as ArrayBuffer)
  self.postMessage(answer, { transfer })
}

/** What the correction of a mask needs of the page around it. */

import type { NewReview, Review } from '../schemas'
import type { Viewer } from '../viewer/port'

export interface CorrectionPage {
  /** The viewer that shows the mask; null if it is an image in tiles, or nothing is drawn. */
  viewer: () => Viewer | null
  tiled: () => boolean
  /** Whether a review can be given; else asks for what is missing. */
  ready: () => boolean
  /** The review whose corrected mask is on screen; null: the job's own mask. */
  drawn: () => string | null
  /** Draws such a mask; false if the page cannot. */
  draw: (review: string | null) => Promise<boolean>
  /** The newest corrected mask that stands; null without one. */
  newest: () => Promise<string | null>
  /** A review of the job; null if the reader may not see it. */
  review: (id: string) => Promise<Review | null>
  /** Saves the draft as a review; false if that failed. */
  save: (draft: SavedDraft) => Promise<boolean>
  /** The reader has a correction of the job that is not saved, or has it no longer. */
  drafted: (job: string, drafted: boolean) => void
  /** The correction has begun or ended. */
  mode: (on: boolean) => void
  focus: () => void
}

/** A draft as it is saved. */
export type SavedDraft = Pick<NewReview, 'draft' | 'draft_changes'>

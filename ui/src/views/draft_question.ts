/** What becomes of a reader's correction that is not saved, where the reader gives a verdict. */

import type { Draft, NewReview } from '../schemas'
import { timeText } from '../text'
import type { Choice } from './confirm'

export type DraftAnswer = 'continue' | 'discard' | 'cancel'

export function draftQuestion(
  { verdict }: Pick<NewReview, 'verdict'>,
  { updated_at }: Pick<Draft, 'updated_at'>,
): Choice<DraftAnswer> {
  const verb = verdict === 'rejected' ? 'reject' : 'accept'
  return {
    title: 'Your correction is not saved',
    text: [
      `You have a draft of this mask, last changed ${timeText(updated_at)}. The mask that you ${verb} is without its changes. A discarded draft cannot be brought back, also not by Undo.`,
    ],
    answers: [
      ['continue', 'Continue the correction'],
      ['discard', `Discard the draft and ${verb}`],
      ['cancel', 'Cancel'],
    ],
  }
}

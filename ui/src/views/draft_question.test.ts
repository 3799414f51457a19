import { expect, it } from 'vitest'
import { draftQuestion } from './draft_question'

it('loses nothing by its first answer, and names the verdict', () => {
  const labels = (verdict: 'accepted' | 'corrected' | 'rejected'): string[] =>
    draftQuestion({ verdict }, { updated_at: '2026-01-02T03:04:05Z' }).answers.map(
      ([value, label]) => `${value}: ${label}`,
    )
  expect(labels('accepted')).toEqual([
    'continue: Continue the correction',
    'discard: Discard the draft and accept',
    'cancel: Cancel',
  ])
  expect(labels('corrected')).toEqual(labels('accepted')) // the mask of another reader
  expect(labels('rejected')[1]).toBe('discard: Discard the draft and reject')
})

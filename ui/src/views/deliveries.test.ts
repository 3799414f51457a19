import { expect, it } from 'vitest'
import { correctedOf } from './deliveries'

type Given = Parameters<typeof correctedOf>[0][number]

const given = (id: string, role: Given['role'], more: Partial<Given> = {}): Given => ({
  id,
  role,
  mask_format: 'nifti',
  withdrawn_at: null,
  ...more,
})

it.each<[string, Given[], string | null]>([
  ['no review', [], null],
  ['an acceptance', [given('a', null, { mask_format: null })], null],
  ['the newest correction', [given('a', null), given('b', null)], 'b'],
  ['one before it was withdrawn', [given('a', null), given('b', null, { withdrawn_at: 'x' })], 'a'],
  ['one that counts', [given('a', 'reading'), given('b', 'surplus')], 'a'],
  [
    'the decision, which was for the own mask of the model',
    [given('a', 'reading'), given('b', 'adjudication', { mask_format: null })],
    null,
  ],
])('the mask that is sent: %s', (_, reviews, id) => expect(correctedOf(reviews)).toBe(id))

import { expect, it } from 'vitest'
import { isNewest } from './draft_order'

it.each([
  [null, null, null, true],
  [null, 'accepted', 'r1', false],
  [null, 'corrected', 'r1', false],
  ['r1', 'corrected', 'r1', true],
  ['r1', 'corrected', 'r2', false],
  ['r1', null, null, true],
] as const)('a draft of %s under the verdict %s of %s: %s', (base, verdict, review, newest) => {
  expect(isNewest({ base }, { verdict, review })).toBe(newest)
})

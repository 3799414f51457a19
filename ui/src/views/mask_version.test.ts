import { expect, it } from 'vitest'
import { baseText } from './mask_version'

it('says whose mask a correction starts from', () => {
  const version = { reviewer: 'Ada', created_at: new Date(2020, 1, 3, 10, 42).toISOString() }
  const text = (base: string | null, known: typeof version | null, uploaded = false): string =>
    baseText({ uploaded }, { base }, known)
  expect(text(null, null)).toBe('Starts from the model’s mask.')
  expect(text(null, null, true)).toBe('Starts from the uploaded mask.')
  expect(text('r1', version)).toMatch(/^Starts from the corrected mask of Ada, .*10:42/)
  expect(text('r1', { ...version, reviewer: '' })).toMatch(/corrected mask, .*10:42/)
  expect(text('r1', null)).toBe('Starts from a corrected mask.')
})

import { afterEach, expect, it, vi } from 'vitest'
import { draftOf, keepDraft, useDraftsOf } from './drafts'

afterEach(() => void vi.unstubAllGlobals())

it('keeps the comments of each person apart', () => {
  const stored = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
  keepDraft('job', 'of nobody in particular')
  useDraftsOf('r1')
  expect(draftOf('job')).toBe('')
  keepDraft('job', 'of R1')
  useDraftsOf('r2')
  expect(draftOf('job')).toBe('')
  useDraftsOf('r1')
  expect(draftOf('job')).toBe('of R1')
  useDraftsOf('')
  expect(draftOf('job')).toBe('of nobody in particular')
})

import { afterEach, expect, it, vi } from 'vitest'
import { draftOf, keepDraft } from './drafts'
import { queryOf } from './job_query'
import { keepFor } from './owner'
import { savedViews, saveView } from './saved_views'
import { storage, unfinished } from './unfinished'

afterEach(() => void vi.unstubAllGlobals())

it('keeps the comments of each person apart', () => {
  const stored = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
  keepDraft('job', 'of nobody in particular')
  keepFor('r1')
  expect(draftOf('job')).toBe('')
  keepDraft('job', 'of R1')
  keepFor('r2')
  expect(draftOf('job')).toBe('')
  keepFor('r1')
  expect(draftOf('job')).toBe('of R1')
  keepFor('')
  expect(draftOf('job')).toBe('of nobody in particular')
})

it('keeps the views and uploads of each person apart', async () => {
  vi.stubGlobal('localStorage', storageOf({}))
  keepFor('r1')
  saveView('mine', queryOf({}))
  const upload = { size: null, metadata: {}, creationTime: '', urlStorageKey: '' }
  const sent = {
    ...upload,
    uploadUrl: 'https://example.org/v1/uploads/1',
    parallelUploadUrls: null,
  }
  await storage.addUpload('print', sent)
  expect([Object.keys(savedViews()), unfinished()]).toEqual([['mine'], ['1']])
  keepFor('r2')
  expect([Object.keys(savedViews()), unfinished()]).toEqual([[], []])
  keepFor('')
})

/** Properties and methods, as those of a browser: the keys are the names of the properties. */
function storageOf(kept: Record<string, string>): object {
  return Object.defineProperties(kept, {
    getItem: { value: (key: string) => kept[key] ?? null },
    setItem: { value: (key: string, value: string) => (kept[key] = value) },
    removeItem: { value: (key: string) => delete kept[key] },
  })
}

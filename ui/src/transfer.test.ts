import { expect, it, vi } from 'vitest'
import { transfer } from './transfer'

it('sends nothing of an upload that was removed while its files were read', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('document', { baseURI: 'http://tessera.test/' })
  const request = vi.spyOn(globalThis, 'fetch')
  const listener = { known: vi.fn(), sent: vi.fn(), interrupted: vi.fn() }
  const removed = new AbortController()
  const sending = transfer([new File(['content'], 'scan.nii')], '', listener, removed.signal)
  removed.abort()
  await expect(sending).rejects.toThrow('abort')
  expect(vi.getTimerCount()).toBe(0) // nothing sends it again
  expect(request).not.toHaveBeenCalled()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

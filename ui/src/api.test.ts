import { afterEach, expect, it, vi } from 'vitest'
import * as api from './api'
import { signIn } from './session'
import { noteSignedIn, onSignInNeeded } from './sign_in'

afterEach(() => void vi.unstubAllGlobals())

/** The gateway answers; then the connection breaks. */
function breaking(status: number): void {
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode('{"jobs": ['))
      controller.error(new TypeError('network error'))
    },
  })
  vi.stubGlobal('document', { baseURI: 'http://gateway/' })
  vi.stubGlobal('fetch', async () => new Response(body, { status }))
}

const problem = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error) => api.problemOf(error).title,
  )

it('says that the connection broke, also in the middle of a response', async () => {
  breaking(200)
  expect(await problem(api.job('a'))).toBe('No connection')
  breaking(201)
  expect(await problem(api.withdrawBatch('a'))).toBe('No connection')
  breaking(200)
  const { signal } = new AbortController()
  expect(await problem(api.bytes('scans/a/volume', signal))).toBe('No connection')
  breaking(503)
  expect(await problem(api.job('a'))).toBe('The request failed')
})

it('sends nothing but a sign-in while nobody is signed in', async () => {
  const noticed = vi.fn()
  onSignInNeeded(noticed)
  for (const status of [404, 401, 401]) {
    breaking(status)
    await problem(api.job('a'))
    expect(noticed).toHaveBeenCalledTimes(status === 404 ? 0 : 1)
  }
  const sent = vi.fn(async (..._: unknown[]) => new Response(null, { status: 401 }))
  vi.stubGlobal('fetch', sent)
  expect(await problem(api.job('a'))).toBe('Not signed in')
  expect(sent).not.toHaveBeenCalled()
  expect(await problem(signIn('r1', 'wrong'))).toBe('The request failed')
  expect(sent).toHaveBeenCalledOnce()
  expect(sent.mock.calls[0]![1]).toMatchObject({ headers: { 'Tessera-Idle': '0' } })
  noteSignedIn()
  await problem(api.job('a'))
  expect(sent).toHaveBeenCalledTimes(2)
  expect(noticed).toHaveBeenCalledTimes(2)
})

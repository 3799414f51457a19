/** Requests to the gateway. Every failure is an `ApiError` that can be shown to the user. */

import { pageHeader } from './idle'
import type { Problem } from './schemas'
import { isRefused, NOT_SIGNED_IN, noteStatus } from './sign_in'

/** A failed request; `problem` describes it for the user. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
  }
}

export const UNREACHABLE: Problem = {
  title: 'No connection',
  status: 0,
  detail: 'The service does not respond.',
  expected: '',
  hint: 'Check that this computer is connected to the network and that Tessera is running, then try again.',
}

/** Relative to the page, so that a proxy may serve both under a path. */
export function address(path: string): string {
  return new URL(`v1/${path}`, document.baseURI).href
}

/** The problem that a response of the gateway, or of a proxy, states. */
export function responseProblem(status: number, body: string): Problem {
  try {
    const problem = JSON.parse(body) as Partial<Problem>
    if (typeof problem.detail === 'string' && problem.detail) {
      return {
        title: problem.title ?? 'The request failed',
        status,
        detail: problem.detail,
        expected: problem.expected ?? '',
        hint: problem.hint ?? '',
        kind: (problem as { type?: string }).type?.split(':').pop() ?? '',
        choices: problem.choices ?? [],
      }
    }
  } catch {
    // not from the gateway: the response of a proxy, or empty
  }
  return {
    title: 'The request failed',
    status,
    detail: `The service responded with status ${status} and gave no reason.`,
    expected: '',
    hint: 'Try again. If it happens again, ask your administrator to check Tessera’s log.',
  }
}

/** The problem of any error, to be shown to the user. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem
  return {
    title: 'Error in this page',
    status: 0,
    detail: error instanceof Error ? error.message : String(error),
    expected: '',
    hint: 'Reload the page.',
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  if (isRefused(path)) throw new ApiError(NOT_SIGNED_IN)
  let response: Response
  try {
    const headers = { ...pageHeader(), ...(init.headers as Record<string, string>) }
    response = await fetch(address(path), { ...init, headers })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError(UNREACHABLE)
  }
  if (!isSignIn(path, init)) noteStatus(response.status)
  if (!response.ok) {
    const body = await response.text().catch(() => '')
    throw new ApiError(responseProblem(response.status, body))
  }
  return response
}

/** A wrong password is no news of who is signed in. */
function isSignIn(path: string, { method }: RequestInit): boolean {
  return method !== undefined && ['session', 'session/password', 'passwords'].includes(path)
}

/** What a response contains. The connection may break while it arrives. */
export async function received<T>(body: Promise<T>, signal: AbortSignal | null = null): Promise<T> {
  try {
    return await body
  } catch (error) {
    if (signal?.aborted || !(error instanceof TypeError)) throw error
    throw new ApiError(UNREACHABLE)
  }
}

export async function get<T>(path: string, signal: AbortSignal | null = null): Promise<T> {
  const response = await request(path, { cache: 'no-store', signal })
  return received<T>(response.json(), signal)
}

export const post = <T>(path: string, body?: unknown, key?: string): Promise<T> =>
  send('POST', path, body, key)

export async function send<T>(
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (key !== undefined) headers['Idempotency-Key'] = key
  const init: RequestInit = { method, headers }
  if (body !== undefined) init.body = JSON.stringify(body)
  const response = await request(path, init)
  return received<T>(response.json())
}

/** Files that were requested before they are needed, by their paths. */
export const ahead = new Map<string, Promise<ArrayBuffer>>()

/** The bytes of a volume or mask, without gzip; `onBytes` is called with the number received. */
export async function bytes(
  path: string,
  signal: AbortSignal,
  onBytes: (count: number) => void = () => {},
): Promise<ArrayBuffer> {
  const requested = ahead.get(path)
  ahead.delete(path)
  if (requested !== undefined) return requested
  const response = await request(path, { signal })
  let count = 0
  const counted = response.body!.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        onBytes((count += chunk.byteLength))
        controller.enqueue(chunk)
      },
    }),
  )
  return unpacked(await received(new Response(counted).arrayBuffer(), signal))
}

/** Without gzip, if it is packed. */
export async function unpacked(buffer: ArrayBuffer): Promise<ArrayBuffer> {
  const head = new Uint8Array(buffer, 0, Math.min(2, buffer.byteLength))
  if (head[0] !== 0x1f || head[1] !== 0x8b) return buffer
  const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}

/** Requests of sign-in: who is signed in, and how somebody signs in and out. */

import { get, received, request } from './requests'
import type { Session, SignIn } from './schemas'

const RENEW_MS = 5 * 60_000

export const session = (): Promise<Session> => get('session')

export const signIn = (login: string, password: string): Promise<void> =>
  send('POST', 'session', { login, password })

export const signOut = (): Promise<void> => send('DELETE', 'session')

/** Sets a password with the secret of a link, and signs in. */
export const setPassword = (link: string, password: string): Promise<void> =>
  send('POST', 'passwords', { link, password })

export const changePassword = (current: string, password: string): Promise<void> =>
  send('PUT', 'session/password', { current, password })

/** Where the person is signed in, the last used first. */
export const sessions = async (): Promise<SignIn[]> =>
  (await get<{ sessions: SignIn[] }>('sessions')).sessions

export const endSession = (id: string): Promise<void> => send('DELETE', `sessions/${id}`)

export const endOtherSessions = (): Promise<void> => send('DELETE', 'sessions')

/** Has the gateway replace the secret in the cookie from time to time. */
export function keepRenewing(): void {
  window.setInterval(() => void send('POST', 'session/renewal').catch(() => {}), RENEW_MS)
}

async function send(method: string, path: string, body?: unknown): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) }
  await received((await request(path, init)).arrayBuffer())
}

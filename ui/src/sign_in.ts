/** Whether the service knows who uses this page: it tells by refusing a request. */

import type { Problem } from './schemas'

const UNAUTHENTICATED = 401
const OF_SIGN_IN = ['session', 'passwords']

/** What every request gets while nobody is signed in, without being sent. */
export const NOT_SIGNED_IN: Problem = {
  title: 'Not signed in',
  status: UNAUTHENTICATED,
  detail: 'You are not signed in.',
  expected: '',
  hint: 'Sign in.',
}

let signedOut = false
const listeners: (() => void)[] = []

/** `listener` is called whenever the service has refused a request because it needs a sign-in. */
export function onSignInNeeded(listener: () => void): void {
  listeners.push(listener)
}

/** From now on, no requests are sent but those of sign-in. */
export function holdRequests(): void {
  signedOut = true
}

/** Notes the status of a response. */
export function noteStatus(status: number): void {
  if (status !== UNAUTHENTICATED || signedOut) return
  signedOut = true
  for (const listener of listeners) listener()
}

/** Somebody has signed in: requests are sent again. */
export function noteSignedIn(): void {
  signedOut = false
}

/** Whether a request is not worth sending, because nobody is signed in. */
export function isRefused(path: string): boolean {
  return signedOut && !OF_SIGN_IN.includes(path)
}

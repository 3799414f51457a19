/** Whether the service knows who uses this page: told by the first request that it refuses. */

const UNAUTHENTICATED = 401

let listeners: (() => void)[] = []

/** `listener` is called once, when the service has refused a request because it needs a sign-in. */
export function onSignInNeeded(listener: () => void): void {
  listeners.push(listener)
}

/** Notes the status of a response. */
export function noteStatus(status: number): void {
  if (status !== UNAUTHENTICATED) return
  const waiting = listeners
  listeners = []
  for (const listener of waiting) listener()
}

/** Since when the reader has not touched the page: what it requests by itself is not use. */

let touchedAt = Date.now()

/** Name of the header that every request of the page has; see the gateway's session_cookie.py. */
const HEADER = 'Tessera-Idle'

/** Notes what the reader does from now on. */
export function watchUse(): void {
  for (const kind of ['pointerdown', 'pointermove', 'wheel', 'keydown']) {
    window.addEventListener(kind, () => (touchedAt = Date.now()), { capture: true, passive: true })
  }
}

/** Says that a request comes from this page, and for how many seconds the reader is away. */
export function pageHeader(): Record<string, string> {
  return { [HEADER]: String(Math.max(0, Math.round((Date.now() - touchedAt) / 1000))) }
}

/** The user's preferences, kept in the browser; never patient data. */

const PREFIX = 'tessera.'

export function recall(name: string, fallback: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback
  } catch {
    return fallback // storage may be disabled
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value)
  } catch {
    // then it applies to this page view only
  }
}

/** What the reader set and expects to find again; never anything of a patient. */

const PREFIX = 'tessera.'

export function recall(name: string, otherwise: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? otherwise
  } catch {
    return otherwise // storage may be switched off
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value)
  } catch {
    // it holds for this page alone, then
  }
}

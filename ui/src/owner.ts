/** Whose things the browser keeps: several people may use it, one after the other. */

let owner = ''

/** From now on, what is kept is that of the person with this login name; empty: no accounts. */
export function keepFor(login: string): void {
  owner = login === '' ? '' : `${login}/`
}

/** The key under which the present person's thing of a name is kept. */
export function ownKey(prefix: string, name = ''): string {
  return prefix + owner + name
}

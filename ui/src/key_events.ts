/** The page's keys. They are handled first, so that the viewer's own keys do nothing. */

/** By `KeyboardEvent.key`; digits with Shift are `Shift+1`, on every keyboard layout, and
 * arrows with Shift `Shift+ArrowUp`. */
export type Keys = Record<string, () => void>

/** Keys that act again and again while they are held. */
const ARROWS = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']
const HELD = new Set([...ARROWS, 'PageUp', 'PageDown', '+', '=', '-', '[', ']'])

const TEXT = 'textarea, select, input:not([type=checkbox], [type=radio], [type=range])'

export function listen(keys: () => Keys): void {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return
      if (event.repeat && !HELD.has(event.key)) return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest(TEXT) || document.querySelector('dialog[open]')) return
      if (target?.closest('input, .jobs a, [data-rows]') && event.key.startsWith('Arrow')) return
      const actions = keys()
      const action =
        actions[shifted(event)] ??
        actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]
      if (action === undefined) return
      event.preventDefault()
      event.stopPropagation()
      action()
    },
    { capture: true },
  )
}

/** "Shift+1" for the key that has this digit, whatever it types, and "Shift+ArrowUp". */
function shifted({ shiftKey, code }: KeyboardEvent): string {
  return shiftKey ? code.replace(/^Digit|^(?=Arrow)/, 'Shift+') : ''
}

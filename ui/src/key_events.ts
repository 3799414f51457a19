/** The page's keys. They are handled first, so that the viewer's own keys do nothing. */

import { isHeld, type Key, type Keys } from './shortcuts'

const TEXT = 'textarea, select, input:not([type=checkbox], [type=radio], [type=range])'

export function listen(keys: () => Keys): void {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest(TEXT) || document.querySelector('dialog[open]')) return
      if (target !== null && belongsTo(target, event)) return
      const actions = keys()
      const key = namesOf(event).find((name) => actions[name] !== undefined)
      if (key === undefined || (event.repeat && !isHeld(key))) return
      event.preventDefault()
      event.stopPropagation()
      actions[key]!()
    },
    { capture: true },
  )
}

/** Whether a key that moves is that of the control that has the focus. */
function belongsTo(target: Element, { key, shiftKey }: KeyboardEvent): boolean {
  if (key.startsWith('Page')) return target.closest('input, .jobs a') !== null
  if (!key.startsWith('Arrow')) return false
  if (target.closest('input, .jobs a, [data-roves=column]')) return true
  const sideways = key === 'ArrowLeft' || key === 'ArrowRight'
  return sideways && !shiftKey && target.closest('[data-roves=row]') !== null
}

/** "Shift+1" for the key that has this digit, whatever it types, and "Shift+ArrowUp"; else `key`. */
function namesOf({ shiftKey, code, key }: KeyboardEvent): Key[] {
  const plain = key.length === 1 ? key.toLowerCase() : key
  const shifted = code.replace(/^Digit|^(?=Arrow)/, 'Shift+')
  return (shiftKey ? [shifted, plain] : [plain]) as Key[]
}

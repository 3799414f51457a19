/** The page's keys. They are handled first, so that the viewer's own keys do nothing. */

import { isHeld, type Key, type Keys, type Shortcut } from './shortcuts'

const TEXT = 'textarea, select, input:not([type=checkbox], [type=radio], [type=range])'

/** `table`: where the present keys are listed. */
export function listen(keys: () => Keys, table: () => readonly Shortcut[]): void {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.altKey) return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest(TEXT) || document.querySelector('dialog[open]')) return
      if (target !== null && belongsTo(target, event)) return
      const actions = keys()
      const key = namesOf(event).find((name) => actions[name] !== undefined)
      if (key === undefined || (event.repeat && !isHeld(key, table()))) return
      event.preventDefault()
      event.stopPropagation()
      actions[key]!()
    },
    { capture: true },
  )
}

/** Whether a key is that of the control that has the focus. */
function belongsTo(target: Element, { key, shiftKey }: KeyboardEvent): boolean {
  if (key === ' ') return target.closest('a, button, input:not([type=range]), summary') !== null
  if (key === 'Enter') return target.closest('.tools button, .correction button') !== null
  if (key.startsWith('Page')) return target.closest('input, .jobs a') !== null
  if (!key.startsWith('Arrow')) return false
  if (target.closest('input, .jobs a, [data-roves=column]')) return true
  const sideways = key === 'ArrowLeft' || key === 'ArrowRight'
  return sideways && !shiftKey && target.closest('[data-roves=row]') !== null
}

/**
 * "Mod+Shift+z" with Ctrl or Cmd; "Shift+1" for the key that has this digit, whatever it types, and
 * "Shift+ArrowUp"; else `key`.
 */
function namesOf({ shiftKey, ctrlKey, metaKey, code, key }: KeyboardEvent): Key[] {
  const plain = key.length === 1 ? key.toLowerCase() : key
  if (ctrlKey || metaKey) return [`Mod+${shiftKey ? 'Shift+' : ''}${plain}` as Key]
  const shifted = code.replace(/^Digit|^(?=Arrow)/, 'Shift+')
  return (shiftKey ? [shifted, plain] : [plain]) as Key[]
}

/** The page's keys. They are handled first, so that the viewer's own keys do nothing. */

export type Keys = Record<string, () => void>

const TEXT = 'textarea, select, input:not([type=checkbox], [type=radio], [type=range])'

export function listen(keys: () => Keys): void {
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest(TEXT) || document.querySelector('dialog[open]')) return
      if (target?.matches('input, .jobs a') && event.key.startsWith('Arrow')) return
      const action = keys()[event.key.length === 1 ? event.key.toLowerCase() : event.key]
      if (action === undefined) return
      event.preventDefault()
      event.stopPropagation()
      action()
    },
    { capture: true },
  )
}

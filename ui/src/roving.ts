/**
 * One tab stop for a group of controls; arrow keys move between them (ARIA Authoring Practices
 * Guide, "Developing a Keyboard Interface": roving tabindex).
 */

import { element } from './element'

const CONTROLS = 'a[href], button, input, select'

const STEPS: Record<'row' | 'column', Record<string, number>> = {
  row: { ArrowRight: 1, ArrowLeft: -1 },
  column: { ArrowDown: 1, ArrowUp: -1 },
}

/** Makes one tab stop of a toolbar: Left and Right move, Home and End go to its ends. */
export function roveToolbar(toolbar: HTMLElement): void {
  const items = (): HTMLElement[] => usable(toolbar)
  const enter = (active: Element | null): void => {
    const all = items()
    const stop = all.find((item) => item === active) ?? all.find((item) => item.tabIndex === 0)
    for (const item of all) item.tabIndex = item === (stop ?? all[0]) ? 0 : -1
  }
  toolbar.addEventListener('focusin', (event) => enter(event.target as Element))
  toolbar.addEventListener('keydown', (event) => {
    const all = items()
    const from = all.indexOf(event.target as HTMLElement)
    const to = target(event, from, all.length, STEPS.row)
    if (to !== null) move(event, all[to]!)
  })
  new MutationObserver(() => enter(null)).observe(toolbar, {
    subtree: true,
    childList: true,
    attributeFilter: ['hidden', 'inert', 'disabled'],
  })
  toolbar.dataset.roves = 'row' // these arrow keys are not the page's
  enter(null)
}

/**
 * Only one row of a list has tab stops: Up and Down go to the same control of the next row, Home
 * and End to that of the first and last.
 */
function roveRows(list: HTMLElement): void {
  const rows = (): Element[] => [...list.children].filter((row) => usable(row).length > 0)
  const enter = (active: Element | undefined): void => {
    for (const row of list.children)
      for (const item of usable(row)) item.tabIndex = row === active ? 0 : -1
  }
  list.addEventListener('focusin', (event) => {
    enter(rows().find((row) => row.contains(event.target as Node)))
  })
  list.addEventListener('keydown', (event) => {
    const all = rows()
    const from = all.findIndex((row) => row.contains(event.target as Node))
    const to = target(event, from, all.length, STEPS.column)
    if (to === null) return
    const column = usable(all[from]!).indexOf(event.target as HTMLElement)
    const controls = usable(all[to]!)
    move(event, controls[Math.min(column, controls.length - 1)]!)
  })
  list.dataset.roves = 'column'
  enter(rows()[0])
}

/** A list of which one row has tab stops. */
export function rovingList(tag: 'ul' | `ul.${string}`, items: HTMLElement[]): HTMLElement {
  const list = element(tag, {}, ...items)
  roveRows(list)
  return list
}

/** The index that a key leads to; null for other keys. */
export function target(
  { key, ctrlKey, altKey, metaKey }: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>,
  from: number,
  count: number,
  steps: Record<string, number>,
): number | null {
  if (from < 0 || ctrlKey || altKey || metaKey) return null
  if (key === 'Home') return 0
  if (key === 'End') return count - 1
  const step = steps[key]
  return step === undefined ? null : Math.max(0, Math.min(from + step, count - 1))
}

function move(event: Event, to: HTMLElement): void {
  event.preventDefault()
  event.stopPropagation()
  to.focus()
}

function usable(root: Element): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(CONTROLS)].filter(
    (item) => !item.matches(':disabled') && item.closest('[hidden], [inert]') === null,
  )
}

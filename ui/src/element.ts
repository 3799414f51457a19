/** Builds elements; text is always set as text, never parsed as HTML. */

type Child = Node | string | null | false
type Attribute = string | number | boolean | ((event: never) => void) | null | undefined

/**
 * `element('button.quiet', { type: 'button', onclick: go }, 'Go')`: a tag with classes, attributes
 * (functions become listeners, `true` and `false` set or leave out a bare attribute), children.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes: Record<string, Attribute> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split('.') as [K, ...string[]]
  const made = document.createElement(name)
  made.classList.add(...classes)
  for (const [key, value] of Object.entries(attributes)) set(made, key, value)
  made.append(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  )
  return made
}

function set(target: HTMLElement, key: string, value: Attribute): void {
  if (value === null || value === undefined || value === false) return
  if (typeof value === 'function') {
    target.addEventListener(key.replace(/^on/, ''), value as EventListener)
  } else {
    target.setAttribute(key, value === true ? '' : String(value))
  }
}

/** Replaces all that `parent` holds. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  )
}

/** A patch of colour; the colour goes through the style object, which the page's policy allows. */
export function swatch(color: string): HTMLSpanElement {
  const made = element('span.swatch', { 'aria-hidden': 'true' })
  made.style.background = color
  return made
}

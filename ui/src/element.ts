/** Builds elements; text is always set as text, never parsed as HTML. */

type Child = Node | string | null | false
type Attribute = string | number | boolean | ((event: never) => void) | null | undefined

/**
 * `element('button.quiet', { type: 'button', onclick: go }, 'Go')`: a tag with classes, attributes
 * (functions become listeners; `true` sets an attribute without value, `false` omits it), children.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes: Record<string, Attribute> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split('.') as [K, ...string[]]
  const node = document.createElement(name)
  node.classList.add(...classes)
  for (const [key, value] of Object.entries(attributes)) set(node, key, value)
  node.append(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  )
  return node
}

function set(target: HTMLElement, key: string, value: Attribute): void {
  if (value === null || value === undefined || value === false) return
  if (typeof value === 'function') {
    target.addEventListener(key.replace(/^on/, ''), value as EventListener)
  } else {
    target.setAttribute(key, value === true ? '' : String(value))
  }
}

/** Replaces the children of `parent`. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  )
}

/** A patch of colour; the content security policy allows it through the style object only. */
export function swatch(color: string): HTMLSpanElement {
  const patch = element('span.swatch', { 'aria-hidden': 'true' })
  patch.style.background = color
  return patch
}

/** Buttons that are pressed or not. */

import { element } from './element'

export function toggleButton(
  label: string,
  title: string,
  on: boolean,
  onclick: (() => void) | null = null,
): HTMLButtonElement {
  return element('button', { type: 'button', 'aria-pressed': String(on), title, onclick }, label)
}

export function pressed(button: HTMLButtonElement): boolean {
  return button.ariaPressed === 'true'
}

/** Presses it, or lets it go; the new state. */
export function toggle(button: HTMLButtonElement): boolean {
  const on = !pressed(button)
  button.ariaPressed = String(on)
  return on
}

/** A form of sign-in: its fields, what is wrong, and one button. */

import { element, fill } from '../element'
import { problemOf } from '../requests'
import { problemBox } from './messages'

/** `submit` is called once at a time; what it throws is shown, and `first` gets the focus. */
export function signInForm(
  fields: (HTMLElement | null)[],
  label: string,
  first: () => HTMLInputElement,
  submit: () => Promise<void>,
): HTMLFormElement {
  const problem = element('div', { 'aria-live': 'polite' })
  const button = element('button.primary', {}, label)
  const form = element(
    'form',
    {
      onsubmit: (event: Event) => {
        event.preventDefault()
        if (!button.disabled) void send()
      },
    },
    ...fields,
    problem,
    button,
  )
  async function send(): Promise<void> {
    button.disabled = true
    fill(problem)
    try {
      await submit()
    } catch (error) {
      fill(problem, problemBox(problemOf(error)))
      first().focus()
      first().select()
    }
    button.disabled = false
  }
  return form
}

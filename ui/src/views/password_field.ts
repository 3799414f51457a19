/** A field for a password, with a box that shows what was typed. */

import { element } from '../element'

export class PasswordField {
  readonly root: HTMLElement
  readonly input: HTMLInputElement

  /** `current`: the browser may fill in the known password; else it may propose a new one. */
  constructor(id: string, label: string, current: boolean, hint = '') {
    this.input = element('input', {
      type: 'password',
      id,
      name: current ? 'password' : 'new-password',
      autocomplete: current ? 'current-password' : 'new-password',
      required: true,
      maxlength: 1000,
      'aria-describedby': hint === '' ? null : `${id}-hint`,
    })
    const shown = element('input', {
      type: 'checkbox',
      onchange: () => {
        this.input.type = shown.checked ? 'text' : 'password'
      },
    })
    this.root = element(
      'div.password',
      {},
      element('label', { for: id }, label),
      this.input,
      hint !== '' && element('p.hint', { id: `${id}-hint` }, hint),
      element('label.check', {}, shown, 'Show what I type'),
    )
  }

  get value(): string {
    return this.input.value
  }

  clear(): void {
    this.input.value = ''
  }
}

export const NEW_PASSWORD_HINT =
  'At least 15 characters, such as four words that have nothing to do with each other.'

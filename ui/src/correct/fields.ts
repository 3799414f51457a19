/** Fields and buttons of the controls of tools. */

import { element } from '../element'

interface NumberOptions {
  id: string
  label: string
  /** For screen readers, if the label alone does not say what the number is. */
  name?: string
  unit?: string
  value: number | null
  /** The smallest and the largest number that is taken. */
  least?: number
  most?: number
  /** Whether only whole numbers are taken. */
  whole?: boolean
  changed: (value: number) => void
}

export interface NumberField {
  root: HTMLElement
  /** Shows another number; null: none. */
  show: (value: number | null) => void
}

/** Calls `changed` with numbers only: until one is typed, the last one stays. */
export function numberField(options: NumberOptions): NumberField {
  const { id, label, name, unit = '', value, least, most, whole = false, changed } = options
  const input = element('input', {
    type: 'number',
    id,
    'aria-label': name,
    step: whole ? 1 : 'any',
    min: least,
    max: most,
    oninput: () => {
      const number = input.valueAsNumber
      if (Number.isFinite(number) && input.validity.valid) changed(number)
    },
    onchange: () => input.reportValidity(),
    // the keys are those of the tools again
    onkeydown: ({ key }: KeyboardEvent) => key === 'Enter' && input.blur(),
  })
  const show = (number: number | null): void => {
    input.value = number === null ? '' : String(number)
  }
  show(value)
  return { root: labelled(label, input, unit), show }
}

/** `options`: the shown text of each value. */
export function choiceField<T extends string>(
  id: string,
  label: string,
  options: Readonly<Record<T, string>>,
  value: T,
  changed: (value: T) => void,
): HTMLElement {
  const list = choiceList(id, (chosen) => changed(chosen as T))
  for (const [one, text] of Object.entries<string>(options))
    list.append(element('option', { value: one, selected: one === value }, text))
  return labelled(label, list)
}

/** A list without options yet. After a choice by the mouse, the keys are those of the tools. */
export function choiceList(id: string, changed: (value: string) => void): HTMLSelectElement {
  let clicked = false
  const list = element('select', {
    id,
    onpointerdown: () => (clicked = true),
    onkeydown: () => (clicked = false),
    onchange: () => {
      changed(list.value)
      if (clicked) list.blur() // not for a choice by a key, which goes on from here
    },
  })
  return list
}

export interface CheckField {
  root: HTMLElement
  show: (on: boolean) => void
}

export function checkField(
  id: string,
  label: string,
  on: boolean,
  changed: (on: boolean) => void,
): CheckField {
  const box = element('input', {
    type: 'checkbox',
    id,
    checked: on,
    onchange: () => changed(box.checked),
  })
  const root = element('label.tool-check', {}, box, label)
  return { root, show: (checked) => void (box.checked = checked) }
}

export function actionButton(id: string, label: string, act: () => void): HTMLButtonElement {
  return element('button', { type: 'button', id, onclick: act }, label)
}

/** Fields and buttons in one row. */
export function row(...children: HTMLElement[]): HTMLElement {
  return element('div.tool-row', {}, ...children)
}

function labelled(label: string, field: HTMLElement, unit = ''): HTMLElement {
  const after = unit === '' ? null : element('span.unit', {}, unit)
  return element('label.tool-field', {}, element('span', {}, label), field, after)
}

/** Boxes for errors (what is wrong, what was expected, what to do) and warnings. */

import { element } from '../element'
import type { Problem } from '../schemas'
import { forReaders } from './reader_text'

export function problemBox(problem: Problem, ...actions: HTMLElement[]): HTMLElement {
  return element(
    'div.problem',
    { role: 'alert' },
    element('strong', {}, problem.title),
    element('p', {}, problem.detail),
    paragraph('Expected: ', problem.expected),
    paragraph('What to do: ', problem.hint),
    actions.length > 0 && element('div.actions', {}, ...actions),
  )
}

function paragraph(head: string, text = ''): HTMLElement | false {
  const shown = forReaders(text)
  return shown !== '' && element('p', {}, element('b', {}, head), shown)
}

export function warningBox(warnings: string[]): HTMLElement | null {
  if (warnings.length === 0) return null
  return element(
    'div.warning',
    { role: 'note' },
    ...warnings.map((warning) => element('p', {}, warning)),
  )
}

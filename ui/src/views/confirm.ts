/** A question with two answers, in a dialog. */

import { element } from '../element'

export interface Question {
  title: string
  /** What the reader must know before answering. */
  text: (HTMLElement | string)[]
  no: string
  yes: string
  /** Nothing is lost by a yes. */
  harmless?: boolean
}

/**
 * Resolves to whether the reader says yes. The first answer, where the focus is, is no. The dialog
 * takes the keys, so that shortcuts of the page do not answer it.
 */
export function confirmed({ title, text, no, yes, harmless = false }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = element(
      'dialog.confirm',
      {
        'data-harmless': harmless,
        'aria-labelledby': 'confirm-title',
        'aria-describedby': 'confirm-text',
        onkeydown: (event: Event) => event.stopPropagation(),
      },
      element('h2', { id: 'confirm-title' }, title),
      element('div', { id: 'confirm-text' }, ...text),
      element(
        'form.buttons',
        { method: 'dialog' },
        element('button.primary', { value: '' }, no),
        element('button', { value: 'yes' }, yes),
      ),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

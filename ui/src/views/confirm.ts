/** Questions in a dialog. */

import { element } from '../element'

export interface Choice<Answer extends string> {
  title: string
  /** What the reader must know before answering. */
  text: (HTMLElement | string)[]
  /** Each with what its button says. The first one has the focus, and loses nothing. */
  answers: readonly (readonly [Answer, string])[]
  /** Nothing is lost by any answer. */
  harmless?: boolean
}

/** A question with two answers. */
export interface Question extends Pick<Choice<string>, 'title' | 'text' | 'harmless'> {
  no: string
  yes: string
}

/** Resolves to whether the reader says yes. The first answer, where the focus is, is no. */
export async function confirmed({ no, yes, ...question }: Question): Promise<boolean> {
  const answers = [
    ['no', no],
    ['yes', yes],
  ] as const
  return (await chosen({ ...question, answers })) === 'yes'
}

/**
 * Resolves to the reader's answer; null if there is none, as by Escape. The dialog takes the keys,
 * so that shortcuts of the page do not answer it.
 */
export function chosen<Answer extends string>({
  title,
  text,
  answers,
  harmless = false,
}: Choice<Answer>): Promise<Answer | null> {
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
        ...answers.map(([value, label], n) =>
          element(n === 0 ? 'button.primary' : 'button', { value }, label),
        ),
      ),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(answers.find(([value]) => value === dialog.returnValue)?.[0] ?? null)
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** The dialog that asks to whom jobs are assigned. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Job } from '../schemas'
import { countText, scanText } from '../text'
import { problemBox } from './messages'

export class AssignDialog {
  readonly root: HTMLDialogElement
  private jobs: Job[] = []
  /** The jobs of the request that was not answered yet. */
  private sending: Job[] | null = null
  private readonly title = element('h2', { id: 'assign-title' })
  private readonly names = element('datalist', { id: 'assign-names' })
  private readonly name = element('input', {
    type: 'text',
    id: 'assign-name',
    maxlength: 200,
    list: 'assign-names',
    autocomplete: 'off',
  })
  private readonly me: HTMLButtonElement
  private readonly problem = element('div', { 'aria-live': 'polite' })

  /** `onAssign` resolves when it is done, or rejects; `readers`: names to choose from. */
  constructor(
    private readonly onAssign: (jobs: Job[], assignee: string) => Promise<void>,
    private readonly readers: () => string[],
  ) {
    const button = (label: string, onclick: () => void): HTMLButtonElement =>
      element('button', { type: 'button', onclick }, label)
    this.me = button('Me', () => void this.assign(reader.name))
    this.root = element(
      'dialog.assign',
      { 'aria-labelledby': 'assign-title' },
      this.title,
      element(
        'form.text',
        {
          onsubmit: (event: Event) => {
            event.preventDefault()
            const name = this.name.value.trim()
            if (name === '') this.name.focus()
            else void this.assign(name)
          },
        },
        element('label', { for: 'assign-name' }, 'Name of the reader'),
        this.name,
        this.names,
        this.problem,
        element(
          'div.buttons',
          {},
          button('Cancel', () => this.root.close()),
          button('Nobody', () => void this.assign('')),
          this.me,
          element('button.primary', {}, 'Assign'),
        ),
      ),
    )
  }

  ask(jobs: Job[]): void {
    this.jobs = jobs
    this.title.textContent =
      jobs.length === 1 ? `Assign ${scanText(jobs[0]!)}` : `Assign ${countText(jobs.length, 'job')}`
    this.me.hidden = reader.name === ''
    this.me.textContent = `Me (${reader.name})`
    fill(this.names, ...this.readers().map((value) => element('option', { value })))
    fill(this.problem)
    this.name.value = ''
    this.root.showModal()
    this.name.focus()
  }

  private async assign(name: string): Promise<void> {
    const { jobs } = this
    if (this.sending === jobs) return
    this.sending = jobs
    fill(this.problem)
    try {
      await this.onAssign(jobs, name)
      if (this.jobs === jobs) this.root.close()
    } catch (error) {
      if (this.jobs === jobs) fill(this.problem, problemBox(api.problemOf(error)))
    }
    if (this.sending === jobs) this.sending = null
  }
}

/** The button that begins or continues a correction, and why it cannot. */

import * as api from '../api'
import { element } from '../element'
import { reader } from '../reader'
import type { CorrectionPage } from './correction_page'
import { problemBox } from './messages'

const WAITS = 'The correction begins as soon as the mask is loaded.'
const HAS_DRAFT =
  'You have a draft of this mask that is not saved. The mask on screen is without it.'
const IN_TILES =
  'A large image in tiles cannot be corrected on this page. Correct the downloaded mask with another program, and upload it.'

export class CorrectButton {
  readonly button: HTMLButtonElement
  private wasBegun = false
  private doing = ''
  private waits = false
  /** Why the mask cannot be corrected. */
  readonly note = element('p.hint', { id: 'cannot-correct' })
  /** Says that the reader has a correction that is not saved. */
  readonly draft = element('p.hint.own-draft', { id: 'own-draft', hidden: true }, HAS_DRAFT)

  constructor(
    private readonly page: Pick<CorrectionPage, 'viewer' | 'tiled'>,
    begin: () => void,
  ) {
    this.button = element(
      'button.correct',
      {
        type: 'button',
        id: 'correct',
        disabled: true,
        'aria-describedby': 'cannot-correct',
        onclick: begin,
      },
      'Correct',
      element('kbd', { 'aria-hidden': 'true' }, 'T'),
    )
  }

  get disabled(): boolean {
    return this.button.disabled
  }

  set disabled(disabled: boolean) {
    this.button.disabled = disabled
  }

  /** Follows what is on screen. `any`: whether that is a job. */
  allow(any: boolean): void {
    const labels = this.page.viewer()?.labels ?? null
    const may = reader.may('reviews:write')
    this.button.hidden = !may
    this.disabled = !any || labels === null || typeof labels === 'string'
    const refused = this.page.tiled() ? IN_TILES : labels
    this.note.textContent = may && any && typeof refused === 'string' ? refused : ''
  }

  /** Asks for a correction, by its key: begins it, also if the mask is still being loaded. */
  ask(): void {
    if (this.button.hidden) return
    if (this.disabled && this.doing === '' && this.note.textContent === '') {
      this.waits = true
      this.note.textContent = WAITS
    } else this.button.click()
  }

  /** Whether a correction was asked for and has not begun: keys of tools are pressed already. */
  get pending(): boolean {
    return this.waits || this.doing !== ''
  }

  /** Whether one was asked for before the mask was there. It is so only once. */
  takeWaiting(): boolean {
    const { waits } = this
    this.waits = false
    return waits
  }

  /** Whether the reader has begun a correction that is not saved. */
  set begun(begun: boolean) {
    this.wasBegun = begun
    this.render()
  }

  /** What is done with the correction now, as "Saving …"; empty: nothing. */
  set busy(doing: string) {
    this.doing = doing
    this.disabled = doing !== ''
    this.render()
  }

  private render(): void {
    const label = this.doing || (this.wasBegun ? 'Continue' : 'Correct')
    this.button.firstChild!.textContent = label
    this.draft.hidden = !this.wasBegun
  }

  showProblem(error: unknown): void {
    this.note.replaceChildren(problemBox(api.problemOf(error)))
  }
}

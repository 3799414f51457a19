/** The buttons that request a second reading of a job, and cancel it. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { Job } from '../schemas'
import { confirmed, type Question } from './confirm'
import { problemBox } from './messages'

const CANCEL: Question = {
  title: 'Cancel the second reading?',
  text: ['All reviews of this mask are then shown to everybody, and the newest is its verdict.'],
  no: 'Keep it',
  yes: 'Cancel the second reading',
}

export class ReadingButtons {
  /** `name`: that of this reader. `onChanged` is called when the job may have changed. */
  constructor(
    private readonly name: () => string,
    private readonly onChanged: (job: Job) => void,
  ) {}

  /** Null if this reader may neither request nor cancel. */
  request(job: Job): HTMLElement | null {
    return this.button(
      'request-reading',
      'Request a second reading',
      'Another reader judges the mask, too, without seeing your verdict',
      async () => {
        await api.requestSecondReading(job.id, this.name())
        this.onChanged(job)
      },
    )
  }

  /** Asks before: others see then what was hidden. Null as above. */
  cancel(job: Job): HTMLElement | null {
    return this.button(
      'cancel-reading',
      'Cancel the second reading …',
      'The mask is judged by one reader, as others are',
      async () => {
        if (!(await confirmed(CANCEL))) return
        await api.cancelSecondReading(job.id)
        this.onChanged(job)
      },
    )
  }

  /** A button that cannot be pressed again until its action has ended, and what went wrong. */
  private button(
    id: string,
    label: string,
    title: string,
    action: () => Promise<void>,
  ): HTMLElement | null {
    if (!reader.may('readings:manage')) return null
    const problem = element('div', {})
    const onclick = async (): Promise<void> => {
      button.disabled = true
      fill(problem)
      await action().catch((error) => fill(problem, problemBox(api.problemOf(error))))
      button.disabled = false
    }
    const button = element(
      'button.quiet',
      { type: 'button', id, title, onclick: () => void onclick() },
      label,
    )
    return element('div.change', {}, button, problem)
  }
}

/** Reports that this page shows a job, and who else has it open. It blocks nobody. */

import * as api from './api'
import { randomId } from './random_id'
import type { Viewers } from './schemas'

const RENEW_MS = 10_000 // a page that is silent for 30 s counts as closed
/** This reader may not review, or the job was deleted. */
const REFUSED = [403, 404]

export class Presence {
  private job: string | null = null
  private timer = 0
  private readonly page = randomId()

  /** `onChange` is called with the others whenever the service has answered. */
  constructor(
    private readonly reader: () => string,
    private readonly onChange: (viewers: Viewers) => void,
  ) {
    document.addEventListener('visibilitychange', () => void this.renew())
    window.addEventListener('pagehide', () => this.job !== null && api.leave(this.job, this.page))
    window.addEventListener('pageshow', (event) => event.persisted && void this.renew())
  }

  show(job: string | null): void {
    if (this.job === job) return
    if (this.job !== null) api.leave(this.job, this.page)
    this.job = job
    void this.renew()
  }

  /** A page in the background is not looked at: its report expires. */
  private async renew(): Promise<void> {
    clearTimeout(this.timer)
    const { job } = this
    if (job === null || document.hidden) return
    try {
      const viewers = await api.stay(job, this.page, this.reader())
      if (this.job === job) this.onChange(viewers)
    } catch (error) {
      if (REFUSED.includes(api.problemOf(error).status)) return
    }
    if (this.job === job) this.timer = window.setTimeout(() => void this.renew(), RENEW_MS)
  }
}

/** What a reader should know of the scan and the mask on screen. */

import { element, fill } from '../element'
import type { Doubt, Job } from '../schemas'
import { unusualText } from '../text'
import { warningBox } from './messages'

export class Warnings {
  readonly root = element('div.warnings')
  /** Of the scan and the report. */
  private texts: string[] = []

  clear(): void {
    this.texts = []
    delete this.root.dataset.seen
    fill(this.root)
  }

  /** Before there is a mask. */
  showOfScan(texts: string[]): void {
    fill(this.root, warningBox(texts))
  }

  /** Keeps the warnings of the report that say more than the doubts, and shows them. */
  showOfReport(job: Job, texts: Iterable<string>, doubts: Doubt[]): void {
    this.texts = [...new Set(texts)].filter((text) => !repeats(text, doubts))
    this.update(job)
  }

  /** Shows sizes that are unusual by now, too: others are accepted meanwhile. */
  update(job: Job): void {
    const texts = [...job.unusual_sizes.map((one) => `The ${unusualText(one)}.`), ...this.texts]
    const seen = texts.join('\n')
    if (this.root.dataset.seen === seen) return
    this.root.dataset.seen = seen
    fill(this.root, warningBox(texts))
  }
}

/** Whether a warning says no more than what stands over the image: it may join several doubts. */
function repeats(warning: string, doubts: Doubt[]): boolean {
  const said = warning.toLowerCase()
  return doubts.some((doubt) => said.includes(doubt.text.toLowerCase().replace(/\.$/, '')))
}

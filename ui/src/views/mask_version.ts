/** Which mask of a job is on screen: the one that a reader corrected, or the one before. */

import { element, fill } from '../element'
import type { Download, Draft, Job, Review } from '../schemas'
import { timeText } from '../text'
import { correctedLinks } from './downloads'

/** The mask that nobody has corrected. */
export function ownText({ uploaded }: Pick<Job, 'uploaded'>): string {
  return uploaded ? 'the uploaded mask' : 'the model’s mask'
}

/** Which mask a correction starts from. `version`: its review; null if it is not known. */
export function baseText(
  job: Pick<Job, 'uploaded'>,
  { base }: Pick<Draft, 'base'>,
  version: Pick<Review, 'reviewer' | 'created_at'> | null,
): string {
  if (base === null) return `Starts from ${ownText(job)}.`
  if (version === null) return 'Starts from a corrected mask.'
  const whose = version.reviewer === '' ? '' : ` of ${version.reviewer}`
  return `Starts from the corrected mask${whose}, ${timeText(version.created_at)}.`
}

export class MaskVersion {
  /** Over the sizes: which mask they are of, and a button for the other one. */
  readonly note = element('p.version')
  readonly links = element('div', {})
  private readonly switch = element('button.quiet', {
    type: 'button',
    onclick: () => this.choose(this.drawn ? null : this.newest),
  })
  private newest: Review | null = null
  private drawn = false

  /** `choose` draws a corrected mask; null: the mask before. */
  constructor(private readonly choose: (review: Review | null) => void) {}

  clear(): void {
    this.newest = null
    fill(this.note)
    fill(this.links)
  }

  /** The correction on screen becomes a version. */
  saving(): void {
    this.clear()
    fill(this.note, 'The corrected mask is being saved …')
  }

  fail(detail: string): void {
    fill(this.note, `The other mask cannot be shown. ${detail} `, this.switch)
  }

  /**
   * Says which mask is on screen. `newest`: the newest corrected one; null without one. `drawn`:
   * whether the image shows it. `can`: whether the page can draw it.
   */
  show(
    newest: Review | null,
    { drawn, can }: { drawn: boolean; can: boolean },
    files: Download[],
    reader: string,
  ): void {
    this.newest = newest
    this.drawn = drawn
    if (newest === null) {
      this.clear()
      return
    }
    const by = newest.reviewer === '' ? '' : ` by ${newest.reviewer}`
    const said = drawn
      ? `The mask as it was corrected${by} ${timeText(newest.created_at)}.`
      : 'The mask before its correction.'
    this.switch.textContent = drawn ? 'Show the mask before' : 'Show the corrected mask'
    fill(this.note, said, can && ' ', can && this.switch)
    fill(this.links, correctedLinks(files, { job: newest.job!, id: newest.id }, reader))
  }
}

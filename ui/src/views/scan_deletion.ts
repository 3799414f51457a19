/** Deletes a scan, after a dialog that says what goes with it. */

import * as api from '../api'
import { element, fill } from '../element'
import type { Scan, ScanUses } from '../schemas'
import { countText, scanText } from '../text'
import { problemBox } from './messages'

export class ScanDeletion {
  readonly root: HTMLDialogElement
  private readonly text = element('div.text', { 'aria-live': 'polite' })
  private readonly confirm = element(
    'button.danger',
    { type: 'button', onclick: () => void this.delete() },
    'Delete',
  )
  private scan: Scan | null = null

  /** `leave` is called before the deletion: the page then shows nothing that is deleted. */
  constructor(
    private readonly leave: () => Promise<void>,
    private readonly onDeleted: () => void,
  ) {
    this.root = element(
      'dialog.deletion',
      { 'aria-labelledby': 'deletion-title' },
      element('h2', { id: 'deletion-title' }, 'Delete this scan?'),
      this.text,
      element('form.buttons', { method: 'dialog' }, element('button', {}, 'Keep it'), this.confirm),
    )
  }

  /** Asks, then deletes. */
  async ask(scan: Scan): Promise<void> {
    this.scan = scan
    this.confirm.disabled = true
    fill(this.text, element('p', {}, 'Looking up what goes with it …'))
    this.root.showModal()
    try {
      const uses = await api.scanUses(scan.id)
      if (this.scan !== scan) return
      this.confirm.disabled = uses.unfinished > 0 || uses.holds.length > 0
      fill(this.text, ...takenText(scan, uses).map((line) => element('p', {}, line)))
    } catch (error) {
      fill(this.text, problemBox(api.problemOf(error)))
    }
  }

  private async delete(): Promise<void> {
    if (this.scan === null) return
    this.confirm.disabled = true
    await this.leave()
    try {
      await api.deleteScan(this.scan.id)
      this.root.close()
      this.onDeleted()
    } catch (error) {
      fill(this.text, problemBox(api.problemOf(error)))
    }
  }
}

const HELD = { scan: 'it', patient: 'its patient', project: 'the whole project' }

/** What a deletion takes, or why it is not possible. */
export function takenText(scan: Pick<Scan, 'name' | 'subject'>, uses: ScanUses): string[] {
  const name = scanText({ subject: scan.subject ?? null, scan_name: scan.name })
  const [hold] = uses.holds
  if (hold !== undefined) {
    return [
      `${name} cannot be deleted: ${HELD[hold.kind]} is under a legal hold.`,
      `${hold.set_by} set it on ${hold.set_at.slice(0, 10)}: ${hold.reason}`,
      `Only an administrator can lift it (hold ${hold.id}).`,
    ]
  }
  if (uses.unfinished > 0) {
    const jobs = countText(uses.unfinished, 'job of it is', 'jobs of it are')
    return [`${name} cannot be deleted now: ${jobs} waiting or running. Cancel or wait first.`]
  }
  const jobs = uses.jobs > 0 ? `${countText(uses.jobs, 'job')} with mask and report` : ''
  const reviews = uses.reviews > 0 ? countText(uses.reviews, 'review') : ''
  const others = [jobs, reviews].filter((part) => part !== '').join(', and ')
  return [
    others === '' ? `${name} is deleted.` : `${name} is deleted, and with it ${others}.`,
    'This cannot be undone. Results that were sent to other systems stay there.',
  ]
}

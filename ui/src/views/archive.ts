/** Scans of an archive: searched by patient, accession or date, and fetched on a click. */

import * as api from '../api'
import { element, fill } from '../element'
import { countWord } from '../words'
import type { ArchiveSeries, Peer, Scan } from '../wire'
import { problemBox } from './problem'

const NO_IMAGES = ['SEG', 'SR', 'RTSTRUCT', 'RTPLAN', 'RTDOSE', 'PR', 'KO', 'DOC', 'REG']
const FIELDS = [
  ['PatientID', 'Patient number'],
  ['AccessionNumber', 'Accession number'],
  ['StudyDate', 'Date (20260302)'],
  ['Modality', 'Modality'],
] as const

export class ArchiveView {
  readonly root = element('details.archive', { hidden: true })
  private readonly peer = element('select', { 'aria-label': 'Archive' })
  private readonly found = element('div', { 'aria-live': 'polite' })

  constructor(private readonly onScan: (scan: Scan) => void) {}

  /** Shows itself where there is an archive to search. */
  async offer(): Promise<void> {
    const peers = (await api.peers().catch(() => [])).filter((peer: Peer) => peer.search)
    if (peers.length === 0) return
    fill(this.peer, ...peers.map((peer) => element('option', { value: peer.name }, peer.name)))
    const inputs = FIELDS.map(([key, label]) =>
      element('label', {}, label, element('input', { type: 'text', name: key, size: 14 })),
    )
    const form = element(
      'form',
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault()
          void this.search(new FormData(form))
        },
      },
      peers.length > 1 && element('label', {}, 'Archive', this.peer),
      ...inputs,
      element('button', { type: 'submit' }, 'Search'),
    )
    fill(this.root, element('summary', {}, 'Fetch a series from an archive'), form, this.found)
    this.root.hidden = false
  }

  private async search(form: FormData): Promise<void> {
    const query = new URLSearchParams()
    for (const [key, value] of form) if (value !== '') query.set(key, String(value))
    fill(this.found, element('p.hint', {}, 'Searching …'))
    try {
      const found = await api.archived(this.peer.value, query)
      const series = found.filter((one) => !NO_IMAGES.includes(one.Modality))
      const rows = series.map((one) => this.row(one))
      fill(
        this.found,
        rows.length > 0
          ? element('ul', {}, ...rows)
          : element('p.hint', {}, 'The archive has no such series.'),
      )
    } catch (error) {
      fill(this.found, problemBox(api.problemOf(error)))
    }
  }

  private row(one: ArchiveSeries): HTMLElement {
    const problem = element('div')
    const fetch = element(
      'button.quiet',
      {
        type: 'button',
        onclick: async () => {
          fetch.disabled = true
          fetch.textContent = 'Fetching …'
          fill(problem)
          try {
            for (const scan of await api.pull(this.peer.value, one.SeriesInstanceUID)) {
              this.onScan(scan)
            }
          } catch (error) {
            fill(problem, problemBox(api.problemOf(error)))
          }
          fetch.disabled = false
          fetch.textContent = 'Fetch'
        },
      },
      'Fetch',
    )
    const count = one.NumberOfSeriesRelatedInstances
    const facts = [
      one.PatientID,
      one.StudyDate,
      count === null ? '' : countWord(count, 'image'),
    ].filter((fact) => fact !== '')
    return element(
      'li',
      {},
      element(
        'span.name',
        {},
        [one.Modality, one.SeriesDescription || one.StudyDescription].filter(Boolean).join(' · '),
      ),
      element('span.fact', {}, facts.join(' · ')),
      fetch,
      problem,
    )
  }
}

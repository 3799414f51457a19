/** Searches an archive for series, and fetches series on a click. */

import * as api from '../api'
import { element, fill } from '../element'
import { reader } from '../reader'
import type { ArchiveSeries, Peer, Scan } from '../schemas'
import { countText } from '../text'
import { problemBox } from './messages'

const NOT_IMAGES = ['SEG', 'SR', 'RTSTRUCT', 'RTPLAN', 'RTDOSE', 'PR', 'KO', 'DOC', 'REG']
const FIELDS = [
  ['PatientID', 'Patient ID'],
  ['AccessionNumber', 'Accession number'],
  ['StudyDate', 'Study date (YYYYMMDD)'],
  ['Modality', 'Modality'],
] as const

const SEARCH_HINT =
  'An empty field matches everything. In the patient ID and the accession number, * stands for any text. Write a range of dates as 20260101-20260131, and the modality in capitals, such as MR. At most 200 series are listed: if yours is missing, fill in more fields.'

export class ArchiveView {
  readonly root = element('details.archive', { hidden: true })
  private readonly peer = element('select', { 'aria-label': 'Archive' })
  private readonly results = element('div', { 'aria-live': 'polite' })

  constructor(private readonly onScan: (scan: Scan) => void) {}

  /** Becomes visible if there is an archive that can be searched. */
  async load(): Promise<void> {
    if (!reader.may('archives:search')) return
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
    fill(
      this.root,
      element('summary', {}, 'Fetch a series from an archive'),
      element('p.hint', {}, SEARCH_HINT),
      form,
      this.results,
    )
    this.root.hidden = false
  }

  private async search(form: FormData): Promise<void> {
    const query = new URLSearchParams()
    for (const [key, value] of form) if (value !== '') query.set(key, String(value))
    fill(this.results, element('p.hint', {}, 'Searching …'))
    try {
      const all = await api.searchArchive(this.peer.value, query)
      const series = all.filter((one) => !NOT_IMAGES.includes(one.Modality))
      const rows = series.map((series) => this.row(series))
      fill(
        this.results,
        rows.length > 0
          ? element('ul', {}, ...rows)
          : element('p.hint', {}, 'No image series matches this search.'),
      )
    } catch (error) {
      fill(this.results, problemBox(api.problemOf(error)))
    }
  }

  private row(series: ArchiveSeries): HTMLElement {
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
            for (const scan of await api.pull(this.peer.value, series.SeriesInstanceUID)) {
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
    const count = series.NumberOfSeriesRelatedInstances
    const facts = [
      series.PatientID,
      series.StudyDate,
      count === null ? '' : countText(count, 'image'),
    ].filter((fact) => fact !== '')
    return element(
      'li',
      {},
      element(
        'span.name',
        {},
        [series.Modality, series.SeriesDescription || series.StudyDescription]
          .filter(Boolean)
          .join(' · '),
      ),
      element('span.fact', {}, facts.join(' · ')),
      fetch,
      problem,
    )
  }
}

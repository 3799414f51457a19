/** What the upper left corner of a pane says about the scan. */

import type { Scan } from './schemas'

export interface CornerFacts {
  /** The patient's pseudonym, or the scan's name where there is none. */
  subject: string
  /** Modality and number of the series. */
  series: string
  /** Date of the study, as the file states it: no time zone, no locale. */
  date: string
}

export function cornerFacts(
  scan: Pick<Scan, 'name' | 'subject' | 'modality' | 'series_number' | 'study_date'>,
): CornerFacts {
  const number = scan.series_number == null ? '' : `series ${scan.series_number}`
  return {
    subject: scan.subject ?? scan.name,
    series: [scan.modality ?? '', number].filter((part) => part !== '').join(' · '),
    date: scan.study_date ?? '',
  }
}

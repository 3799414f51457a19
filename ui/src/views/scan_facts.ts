/** The properties of a scan, as a collapsible list; `format` is the title of its format. */

import { element } from '../element'
import type { Scan } from '../schemas'
import { bytesText, shapeText, spacingText, timeText } from '../text'

/** `grey`: whether an image is known to be grey. */
export function scanFacts(scan: Scan, format: string, open: boolean, grey = false): HTMLElement {
  const facts: [string, string][] = [
    ['Format', format],
    ['Subject', scan.subject ?? ''],
    ['Modality', scan.modality ?? ''],
    ['Series number', String(scan.series_number ?? '')],
    ['Study date', scan.study_date ?? ''],
    ['Size', shapeText(scan, grey)],
    ['Spacing', spacingText(scan) || 'unknown'],
    ['Data type', scan.dtype],
    ['File size', bytesText(scan.bytes)],
    ['Stored', timeText(scan.created_at)],
  ]
  return element(
    'details',
    { open },
    element('summary', {}, 'Scan'),
    element(
      'dl',
      {},
      ...facts
        .filter(([, fact]) => fact !== '')
        .flatMap(([term, fact]) => [element('dt', {}, term), element('dd', {}, fact)]),
    ),
  )
}

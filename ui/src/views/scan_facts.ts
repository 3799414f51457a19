/** The properties of a scan, as a collapsible list. */

import { element } from '../element'
import { bytesText, shapeText, spacingText, timeText } from '../text'
import type { Scan } from '../schemas'

export function scanFacts(scan: Scan, open: boolean): HTMLElement {
  const facts: [string, string][] = [
    ['Format', scan.format],
    ['Size', shapeText(scan)],
    ['Spacing', spacingText(scan) || 'unknown'],
    ['Data type', scan.dtype],
    ['File size', bytesText(scan.bytes)],
    ['Uploaded', timeText(scan.created_at)],
  ]
  return element(
    'details',
    { open },
    element('summary', {}, 'Scan'),
    element(
      'dl',
      {},
      ...facts.flatMap(([term, fact]) => [element('dt', {}, term), element('dd', {}, fact)]),
    ),
  )
}

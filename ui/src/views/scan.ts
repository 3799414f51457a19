/** What a scan is, as a folded list. */

import { element } from '../element'
import { bytesWord, shapeWord, spacingWord, timeWord } from '../words'
import type { Scan } from '../wire'

export function scanFacts(scan: Scan, open: boolean): HTMLElement {
  const facts: [string, string][] = [
    ['Format', scan.format],
    ['Size', shapeWord(scan)],
    ['Spacing', spacingWord(scan) || 'not given'],
    ['Values', scan.dtype],
    ['File', bytesWord(scan.bytes)],
    ['Uploaded', timeWord(scan.created_at)],
  ]
  return element(
    'details',
    { open },
    element('summary', {}, 'The scan'),
    element(
      'dl',
      {},
      ...facts.flatMap(([term, fact]) => [element('dt', {}, term), element('dd', {}, fact)]),
    ),
  )
}

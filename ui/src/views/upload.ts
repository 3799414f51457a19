/** One file's row: how far its upload is, what the scan is, or why it was not taken. */

import { element, fill } from '../element'
import type { Upload, Uploads } from '../uploads'
import { bytesWord, shapeWord, spacingWord } from '../words'
import { problemBox, warningBox } from './problem'

/** Writes the row anew where the upload has moved on. */
export function fillRow(row: HTMLLIElement, item: Upload, uploads: Uploads): void {
  const seen = `${item.state} ${Math.round(item.fraction * 100)}`
  if (row.dataset.seen === seen) return
  row.dataset.seen = seen
  row.dataset.state = item.state
  const sending = item.state === 'sending' || item.state === 'checking'
  fill(
    row,
    element(
      'div.line',
      {},
      element('span.name', { title: item.name }, item.name),
      element('span.fact', {}, factWord(item)),
      element(
        'button.icon',
        {
          type: 'button',
          title: 'Leave out',
          'aria-label': `Leave out ${item.name}`,
          onclick: () => uploads.remove(item),
        },
        '×',
      ),
    ),
    sending &&
      element('progress', { max: 1, value: item.fraction, 'aria-label': `Upload of ${item.name}` }),
    refusal(item, uploads),
    item.scan !== null && warningBox(item.scan.warnings),
  )
}

/** Only what may pass by itself is worth sending again. */
function refusal(item: Upload, uploads: Uploads): HTMLElement | null {
  const problem = item.problem
  if (problem === null) return null
  if (problem.status !== 0 && problem.status < 500) return problemBox(problem)
  const again = element(
    'button.quiet',
    { type: 'button', onclick: () => uploads.again(item) },
    'Try again',
  )
  return problemBox(problem, again)
}

function factWord(item: Upload): string {
  switch (item.state) {
    case 'waiting':
      return `${bytesWord(item.bytes)}, waiting`
    case 'sending':
      return `${Math.round(item.fraction * 100)} % of ${bytesWord(item.bytes)}`
    case 'checking':
      return 'being checked'
    case 'refused':
      return 'not taken'
    case 'ready': {
      const facts = [
        shapeWord(item.scan!),
        spacingWord(item.scan!),
        item.known ? 'here already' : '',
      ]
      return facts.filter((fact) => fact !== '').join(' · ')
    }
  }
}

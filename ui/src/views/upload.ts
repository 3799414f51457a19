/** One file's row: how far its upload is, what the scan is, or why it was not taken. */

import { element, fill } from '../element'
import type { Upload, Uploads } from '../uploads'
import { bytesWord, countWord, shapeWord, spacingWord } from '../words'
import type { Choice, Problem } from '../wire'
import { problemBox, warningBox } from './problem'

/** Writes the row anew where the upload has moved on. */
export function fillRow(row: HTMLLIElement, item: Upload, uploads: Uploads): void {
  const seen = `${item.state} ${Math.round(item.fraction * 100)}`
  if (row.dataset.seen === seen) return
  row.dataset.seen = seen
  row.dataset.state = asks(item) ? 'choose' : item.state
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
    ...item.refused.map((problem) => problemBox(problem)),
    item.scan !== null && warningBox(item.scan.warnings),
  )
}

/** Only what may pass by itself is worth sending again. */
function refusal(item: Upload, uploads: Uploads): HTMLElement | null {
  const problem = item.problem
  if (problem === null) return null
  if (asks(item)) return choice(problem, item, uploads)
  if (problem.kind === 'broken-geometry' && !item.query.resample) {
    return problemBox(problem, act('Resample the slices', () => uploads.again(item, RESAMPLED)))
  }
  if (problem.status !== 0 && problem.status < 500) return problemBox(problem)
  return problemBox(problem, act('Try again', () => uploads.again(item)))
}

const RESAMPLED = { resample: 'true' }

/** Several scans in one upload: one of them, or each. */
function choice(problem: Problem, item: Upload, uploads: Uploads): HTMLElement {
  const choices = problem.choices ?? []
  const images = choices.filter((one) => !one.localizer)
  return element(
    'div.choice',
    { role: 'group', 'aria-label': problem.title },
    element('p', {}, `${problem.detail} Choose one, or take all of them.`),
    element(
      'ul',
      {},
      ...choices.map((one) =>
        element(
          'li',
          {},
          act(one.name, () =>
            uploads.again(item, { series: one.series, stack: String(one.stack) }),
          ),
          element('span.fact', {}, choiceWord(one)),
        ),
      ),
    ),
    images.length > 1 &&
      element(
        'div.actions',
        {},
        act(`Take all ${images.length}`, () => uploads.again(item, { each: 'true' })),
      ),
  )
}

/** Whether it waits for somebody to say which of several scans is meant. */
function asks(item: Upload): boolean {
  return item.state === 'refused' && (item.problem?.choices ?? []).length > 0
}

function choiceWord(one: Choice): string {
  const size = `${one.columns} × ${one.rows}`
  const slices = one.slices === 1 ? 'one image' : countWord(one.slices, 'slice')
  return [slices, size, one.localizer ? 'localizer' : ''].filter(Boolean).join(' · ')
}

function act(label: string, onclick: () => void): HTMLButtonElement {
  return element('button.quiet', { type: 'button', onclick }, label)
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
      return asks(item) ? 'several scans' : 'not taken'
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

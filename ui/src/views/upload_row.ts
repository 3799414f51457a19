/** The row of an upload: its progress, its scan, or why it was refused. */

import { element, fill } from '../element'
import type { Choice, Problem } from '../schemas'
import { bytesText, countText, shapeText, spacingText } from '../text'
import type { Upload, Uploads } from '../uploads'
import { problemBox, warningBox } from './messages'
import { maskChoice, maskLines } from './uploaded_masks'

const RESUMABLE =
  'If the connection breaks, the upload goes on by itself. If you reload this page, choose the same files again to continue.'

/** Renders the row again if the upload has changed. */
export function fillRow(row: HTMLLIElement, item: Upload, uploads: Uploads): void {
  const percent = Math.round(item.fraction * 100)
  const mask = [item.maskOf?.id, item.maskProblem?.detail, item.masks.length]
  const seen = JSON.stringify([item.state, percent, item.interrupted, uploads.changes, mask])
  if (row.dataset.seen === seen) return
  row.dataset.seen = seen
  row.dataset.state = needsChoice(item) ? 'choose' : item.state
  const chooses = document.activeElement?.matches('select') && row.contains(document.activeElement)
  const sending = item.state === 'sending' || item.state === 'checking'
  fill(
    row,
    element(
      'div.line',
      {},
      element('span.name', { title: item.name }, item.name),
      element('span.fact', {}, factText(item)),
      element(
        'button.icon',
        {
          type: 'button',
          title: 'Remove',
          'aria-label': `Remove ${item.name}`,
          onclick: () => uploads.remove(item),
        },
        '×',
      ),
    ),
    sending &&
      element('progress', { max: 1, value: item.fraction, 'aria-label': `Upload of ${item.name}` }),
    item.state === 'sending' && item.large && element('p.hint', {}, RESUMABLE),
    errorBox(item, uploads),
    ...item.refused.map((problem) => problemBox(problem)),
    item.scan !== null && warningBox(item.scan.warnings),
    ...maskLines(item),
    maskChoice(item, uploads),
  )
  if (chooses) row.querySelector('select')?.focus() // each arrow key is a choice
}

/** The error of a refused upload; offers a retry only where it may help: errors that may pass, and
 *  slices that can be resampled (two at one position cannot). */
function errorBox(item: Upload, uploads: Uploads): HTMLElement | null {
  const problem = item.problem
  if (problem === null) return null
  if (needsChoice(item)) return choice(problem, item, uploads)
  if (problem.kind === 'uneven-slices' && !item.query.resample) {
    return problemBox(
      problem,
      button('Resample the slices', () => uploads.retry(item, RESAMPLED)),
    )
  }
  if (problem.status !== 0 && problem.status < 500) return problemBox(problem)
  return problemBox(
    problem,
    button('Try again', () => uploads.retry(item)),
  )
}

const RESAMPLED = { resample: 'true' }

/** The scans of an upload with several: take one of them, or all. */
function choice(problem: Problem, item: Upload, uploads: Uploads): HTMLElement {
  const choices = problem.choices ?? []
  const images = choices.filter((one) => !one.localizer)
  const except = images.length < choices.length ? ' (without localizers)' : ''
  const advice = images.length > 1 ? `Choose one scan, or take all${except}.` : 'Choose one scan.'
  return element(
    'div.choice',
    { role: 'group', 'aria-label': problem.title },
    element('p', {}, `${problem.detail} ${advice}`),
    element(
      'ul',
      {},
      ...choices.map((one) =>
        element(
          'li',
          {},
          button(one.name, () => uploads.retry(item, queryOf(one))),
          element('span.fact', {}, choiceText(one)),
        ),
      ),
    ),
    images.length > 1 &&
      element(
        'div.actions',
        {},
        button(`Take all ${images.length} scans${except}`, () =>
          uploads.retry(item, { each: 'true' }),
        ),
      ),
  )
}

/** The query parameters that choose this scan. */
function queryOf(one: Choice): Record<string, string> {
  const query: Record<string, string> = {}
  if (one.series != null) query.series = one.series
  if (one.stack != null) query.stack = String(one.stack)
  if (one.volume != null) query.volume = String(one.volume)
  return query
}

/** Whether the user must choose between several scans. */
function needsChoice(item: Upload): boolean {
  return item.state === 'refused' && (item.problem?.choices ?? []).length > 0
}

function choiceText(one: Choice): string {
  const size = `${one.columns} × ${one.rows}`
  const slices = one.slices === 1 ? '1 image' : countText(one.slices, 'slice')
  return [slices, size, one.localizer ? 'localizer' : ''].filter(Boolean).join(' · ')
}

function button(label: string, onclick: () => void): HTMLButtonElement {
  return element('button.quiet', { type: 'button', onclick }, label)
}

function factText(item: Upload): string {
  switch (item.state) {
    case 'waiting':
      return `${bytesText(item.bytes)}, waiting`
    case 'sending':
      return sendingText(item)
    case 'checking':
      return 'checking'
    case 'refused':
      return needsChoice(item) ? 'several scans' : 'refused'
    case 'ready': {
      const facts = [
        shapeText(item.scan!),
        spacingText(item.scan!),
        item.known ? 'already stored' : '',
      ]
      return facts.filter((fact) => fact !== '').join(' · ')
    }
  }
}

function sendingText(item: Upload): string {
  if (!item.large) return `sending ${bytesText(item.bytes)}`
  const share = `${Math.round(item.fraction * 100)} % of ${bytesText(item.bytes)}`
  if (item.interrupted) return `${share}, waiting for the connection`
  return item.continued ? `${share}, continued` : share
}

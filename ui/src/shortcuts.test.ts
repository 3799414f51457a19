import { expect, it } from 'vitest'
import page from '../../docs/reference/review-page.md?raw'
import {
  COMPARISON_SHORTCUTS,
  CORRECTION_SHORTCUTS,
  isHeld,
  markdownRows,
  SHORTCUTS,
} from './shortcuts'

it('gives each key one meaning', () => {
  for (const table of [SHORTCUTS, CORRECTION_SHORTCUTS, COMPARISON_SHORTCUTS]) {
    const keys = table.flatMap((one) => one.keys)
    expect(new Set(keys).size).toBe(keys.length)
  }
})

it('knows the keys that repeat', () => {
  expect(['ArrowUp', 'Shift+ArrowLeft', ']', 'a', 'Escape'].map((key) => isHeld(key))).toEqual([
    ...[true, true, true],
    ...[false, false],
  ])
  expect([isHeld('j'), isHeld('j', CORRECTION_SHORTCUTS)]).toEqual([false, true])
})

it.each([SHORTCUTS, CORRECTION_SHORTCUTS, COMPARISON_SHORTCUTS])(
  'is a table of the documentation',
  (...table) => {
    expect(page).toContain(
      `| key or action | what it does |\n|---|---|\n${markdownRows(table)}\n\n`,
    )
  },
)

import { expect, it } from 'vitest'
import page from '../../docs/reference/review-page.md?raw'
import { isHeld, markdownRows, SHORTCUTS } from './shortcuts'

it('gives each key one meaning', () => {
  const keys = SHORTCUTS.flatMap((one) => one.keys)
  expect(new Set(keys).size).toBe(keys.length)
})

it('knows the keys that repeat', () => {
  expect(['ArrowUp', 'Shift+ArrowLeft', ']', 'a', 'Escape'].map(isHeld)).toEqual([
    ...[true, true, true],
    ...[false, false],
  ])
})

it('is the table of the documentation', () => {
  expect(page).toContain(`| key or action | what it does |\n|---|---|\n${markdownRows()}\n\n`)
})

import { expect, it } from 'vitest'
import api from '../../docs/how-to/api.md?raw'
import { REASONS, reasonText } from './reasons'

it('names each reason of the API, and the keys of the first ones stay', () => {
  expect(REASONS.map(([reason]) => reason).slice(0, 6)).toEqual([
    ...['missed-part', 'leak', 'wrong-side', 'wrong-model', 'image-quality', 'other'],
  ])
  expect(reasonText(['leak', 'merged-or-split'])).toBe('Leak, Merged or split objects')
})

it('is the list of the documentation', () => {
  expect(api).toContain(REASONS.map(([reason]) => `\`${reason}\``).join(', '))
})

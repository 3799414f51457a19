import { expect, it, vi } from 'vitest'
import { reader } from './reader'

it('keeps the name where the browser stores nothing', () => {
  const listener = vi.fn()
  reader.onChange(listener)
  reader.name = 'Zoë O’Neil'
  expect(reader.name).toBe('Zoë O’Neil')
  reader.name = 'Zoë O’Neil'
  expect(listener).toHaveBeenCalledTimes(1)
})

it('may do everything until the gateway has said what', () => {
  expect(reader.may('reviews:write')).toBe(true)
})

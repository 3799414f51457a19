import { expect, it } from 'vitest'
import { limited, resized } from './size'

it('goes through sizes evenly, and never stands still', () => {
  let radius = limited(0, 0.4)
  expect(radius).toBe(0.2)
  for (let n = 0; n < 60; n++) {
    const next = resized(radius, 1, 0.4)
    if (next < 80) expect(next / radius).toBeGreaterThan(1.04)
    expect(next).toBeLessThan(radius * 1.3 + 1e-9)
    radius = next
  }
  expect(radius).toBe(80)
  for (let n = 0; n < 60; n++) radius = resized(radius, -1, 0.4)
  expect(radius).toBe(0.2)
})

import { describe, expect, it } from 'vitest'
import { openText } from './past_reviews'

const since = '2026-01-01T00:00:00Z'
const after = (seconds: number): number => Date.parse(since) + 1000 * seconds

describe('openText', () => {
  it.each([
    ['Dr. B', 'Dr. A', -5, 'Dr. B has just opened this.'],
    ['Dr. B', '', 89, 'Dr. B has just opened this.'],
    ['Dr. B', '', 91, 'Dr. B has had this open for 2 min.'],
    ['Dr. B', 'Dr. A', 185, 'Dr. B has had this open for 3 min.'],
    ['', '', 7200, 'Another reader has had this open for 2.0 h.'],
    ['Dr. A', 'Dr. A', 300, 'You have this open in another window.'],
  ])('of %j for %j after %d s', (reader, me, seconds, said) =>
    expect(openText({ reader, since }, me, after(seconds))).toBe(said),
  )
})

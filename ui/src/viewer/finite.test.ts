import { describe, expect, it } from 'vitest'
import { finite } from './finite'

describe('voxels that are no numbers', () => {
  it('are drawn as the smallest value, and infinite ones as an end of the range', () => {
    const { NaN: none, POSITIVE_INFINITY: more, NEGATIVE_INFINITY: less } = Number
    expect([...finite(Float32Array.of(none, 2, -1, more, less))]).toEqual([-1, 2, -1, 2, -1])
    expect([...finite(Float32Array.of(none, more))]).toEqual([0, 0])
  })

  it('cost nothing where there are none', () => {
    for (const data of [Float32Array.of(1, 2), Int16Array.of(3), Uint8Array.of(4)])
      expect(finite(data)).toBe(data)
  })
})

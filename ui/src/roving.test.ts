import { describe, expect, it } from 'vitest'
import { target } from './roving'

const STEPS = { ArrowRight: 1, ArrowLeft: -1 }

function press(key: string, from: number, more = {}): number | null {
  return target({ key, ctrlKey: false, altKey: false, metaKey: false, ...more }, from, 4, STEPS)
}

describe('target', () => {
  it('moves by one and stops at the ends', () => {
    expect([press('ArrowRight', 1), press('ArrowLeft', 1)]).toEqual([2, 0])
    expect([press('ArrowRight', 3), press('ArrowLeft', 0)]).toEqual([3, 0])
  })

  it('goes to the ends', () => {
    expect([press('Home', 2), press('End', 2)]).toEqual([0, 3])
  })

  it('leaves other keys, and those of the browser, alone', () => {
    expect([press('ArrowDown', 1), press('a', 1)]).toEqual([null, null])
    expect(press('ArrowRight', 1, { altKey: true })).toBeNull()
    expect(press('ArrowRight', -1)).toBeNull()
  })
})

import { describe, expect, it, vi } from 'vitest'
import { GreyValues } from './grey_values'

const STATISTICS = { integers: true, likeCt: true, range: { lower: 0, upper: 255 } }

function shown(colour: boolean): { grey: GreyValues; range: ReturnType<typeof vi.fn> } {
  const range = vi.fn()
  const grey = new GreyValues({ range, inverted: vi.fn() })
  const window = colour ? null : { centre: 128, width: 256 }
  grey.show(STATISTICS, colour, { window, inverted: false })
  return { grey, range }
}

describe('grey values', () => {
  it('follow slow drags alike in all directions, in whole numbers', () => {
    const { grey } = shown(false)
    for (let n = 0; n < 40; n++) grey.drag(-1, 1) // each step is half a grey level
    expect(grey.window).toEqual({ centre: 108, width: 236 })
    for (let n = 0; n < 40; n++) grey.drag(1, -1)
    expect(grey.window).toEqual({ centre: 128, width: 256 })
    grey.window = { centre: 50, width: 100 }
    grey.drag(0, 0)
    expect(grey.window).toEqual({ centre: 50, width: 100 })
  })

  it('have no window where there are colours, as in a CT report that is a picture', () => {
    const { grey, range } = shown(true)
    range.mockClear()
    grey.window = { centre: 40, width: 80 }
    expect(grey.drag(9, 9)).toBe(false)
    expect([grey.window, range.mock.calls]).toEqual([null, []])
  })
})

import { describe, expect, test } from 'vitest'
import { reduce, reductionOf, thickened } from './reduction'

const always = (): boolean => true

describe('reductionOf', () => {
  test('leaves what is small enough', () => {
    expect(reductionOf([10, 10, 10], [1, 1, 1], 1000)).toEqual({
      step: [1, 1, 1],
      dims: [10, 10, 10],
    })
  })

  test('makes blocks of nearly equal sides from thick slices', () => {
    const { step, dims } = reductionOf([512, 512, 60], [0.5, 0.5, 5], 2 ** 20)
    expect(step[2]).toBe(1)
    expect(step[0]).toBe(step[1])
    expect(dims[0] * dims[1] * dims[2]).toBeLessThanOrEqual(2 ** 20)
  })

  test('obeys the longest side, and ends for a single row', () => {
    expect(reductionOf([5000, 4, 4], [1, 1, 1], 1e9, 2048).step).toEqual([3, 1, 1])
    expect(reductionOf([5000, 1, 1], [9, 1, 1], 10).dims).toEqual([10, 1, 1])
  })
})

describe('reduce', () => {
  const data = Int16Array.from({ length: 5 * 4 * 3 }, (_, n) => n)

  test('takes the mean of whole and of partial blocks', async () => {
    const reduction = { step: [2, 2, 2], dims: [3, 2, 2] } as never
    const small = await reduce(data, [5, 4, 3], reduction, 'mean', always)
    // (0 + 1 + 5 + 6) / 4 and the slice 20 above: 13; at the end one column, and one slice.
    expect(small).toBeInstanceOf(Int16Array)
    expect([...small!.slice(0, 3)]).toEqual([13, 15, 17].map((n) => n))
    expect(small![3 * 2]).toBe(43)
  })

  test('takes the largest value, also of negative ones', async () => {
    const below = data.map((n) => n - 100)
    const reduction = { step: [2, 2, 2], dims: [3, 2, 2] } as never
    const small = await reduce(below, [5, 4, 3], reduction, 'largest', always)
    expect([...small!.slice(0, 3)]).toEqual([26 - 100, 28 - 100, 29 - 100])
  })

  test('gives up when it is no longer wanted', async () => {
    const large = new Uint8Array(400 * 400 * 300)
    const reduction = reductionOf([400, 400, 300], [1, 1, 1], 1e6)
    expect(await reduce(large, [400, 400, 300], reduction, 'mean', () => false)).toBeNull()
  })
})

describe('thickened', () => {
  test('repeats a single slice along its axis', () => {
    const slice = Int16Array.of(1, 2, 3, 4)
    expect(thickened(slice, [2, 2, 1])).toEqual({
      data: Int16Array.of(1, 2, 3, 4, 1, 2, 3, 4),
      dims: [2, 2, 2],
    })
    expect(thickened(slice, [1, 2, 2]).data).toEqual(Int16Array.of(1, 1, 2, 2, 3, 3, 4, 4))
    expect(thickened(slice, [2, 1, 2]).data).toEqual(Int16Array.of(1, 2, 1, 2, 3, 4, 3, 4))
  })
})

import { describe, expect, it } from 'vitest'
import type { Job } from './schemas'
import { MOST_CHOSEN, Selection } from './selection'

const job = (id: string, review: string | null = null): Job => ({ id, review }) as Job
const ids = (selection: Selection): string[] => selection.jobs.map((one) => one.id)

describe('a selection', () => {
  it('is changed one by one and by several', () => {
    const selection = new Selection()
    let changes = 0
    selection.onChange(() => changes++)
    selection.toggle(job('a'))
    selection.add([job('b'), job('c'), job('a')])
    selection.toggle(job('b'))
    expect(ids(selection)).toEqual(['a', 'c'])
    selection.remove(['c', 'nonesuch'])
    expect(ids(selection)).toEqual(['a'])
    selection.clear()
    selection.clear()
    expect([selection.size, changes]).toEqual([0, 5])
  })

  it('is bounded', () => {
    const selection = new Selection()
    const many = Array.from({ length: MOST_CHOSEN + 1 }, (_, n) => job(String(n)))
    expect(selection.add(many.slice(0, MOST_CHOSEN))).toBe(true)
    expect(selection.add(many.slice(0, 5))).toBe(true)
    expect(selection.add(many)).toBe(false)
    expect(selection.size).toBe(MOST_CHOSEN)
  })

  it('knows what the reader has seen last', () => {
    const selection = new Selection()
    selection.add([job('a'), job('b')])
    selection.saw([job('a', 'newer'), job('c', 'other')])
    expect(selection.jobs.map((one) => one.review)).toEqual(['newer', null])
  })
})

import { describe, expect, it } from 'vitest'
import { BLOCK, JobRows, MOST_ROWS } from './job_rows'
import type { Job } from './schemas'

const jobs = (first: number, count: number): Job[] =>
  Array.from({ length: count }, (_, n) => ({ id: `job${first + n}` }) as Job)

function filled(total: number, ...blocks: number[]): JobRows {
  const rows = new JobRows()
  rows.setTotal(total)
  for (const number of blocks) {
    const count = Math.min(BLOCK, total - number * BLOCK)
    rows.put(number, jobs(number * BLOCK, count), (number + 1) * BLOCK < total)
  }
  return rows
}

describe('rows of the worklist', () => {
  it('knows those of the blocks that have arrived', () => {
    const rows = filled(1000, 0, 7)
    expect(rows.idAt(3)).toBe('job3')
    expect(rows.idAt(7 * BLOCK)).toBe(`job${7 * BLOCK}`)
    expect(rows.idAt(BLOCK)).toBeUndefined()
    expect(rows.rowOf(`job${7 * BLOCK + 2}`)).toBe(7 * BLOCK + 2)
    expect(rows.rowOf('nonesuch')).toBe(-1)
  })

  it('says which blocks are missing, also at the end of the list', () => {
    const rows = filled(BLOCK * 3 + 1, 1)
    expect(rows.missing(0, 10)).toEqual([0])
    expect(rows.missing(BLOCK - 1, BLOCK * 2)).toEqual([0, 2])
    expect(rows.missing(BLOCK, BLOCK + 5)).toEqual([])
    expect(rows.missing(BLOCK * 3, BLOCK * 9)).toEqual([3])
    expect(filled(0).missing(0, 20)).toEqual([])
  })

  it('shows stale rows until they are replaced', () => {
    const rows = filled(200, 0)
    rows.markStale()
    expect(rows.idAt(0)).toBe('job0')
    expect(rows.missing(0, 1)).toEqual([0])
    rows.put(0, jobs(500, BLOCK), true)
    expect([rows.idAt(0), rows.missing(0, 1)]).toEqual(['job500', []])
  })

  it('learns the length of the list from the last block', () => {
    const rows = filled(1000, 0)
    rows.put(1, jobs(BLOCK, 3), false)
    expect(rows.total).toBe(BLOCK + 3)
    rows.put(1, jobs(BLOCK, BLOCK), true)
    expect(rows.total).toBe(BLOCK * 2 + 1)
    rows.put(0, [], false)
    expect(rows.total).toBe(0)
  })

  it('forgets the blocks that were requested first', () => {
    const all = Array.from({ length: 100 }, (_, n) => n)
    const rows = filled(BLOCK * 100, ...all)
    expect(rows.idAt(0)).toBeUndefined()
    expect(rows.idAt(BLOCK * 99)).toBe(`job${BLOCK * 99}`)
    expect([...rows.ids()].length).toBe(BLOCK * 40)
  })

  it('is no longer than browsers can draw', () => expect(filled(1e9).total).toBe(MOST_ROWS))
})

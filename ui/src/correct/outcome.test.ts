import { expect, it } from 'vitest'
import { leakText, outcomeOf, outcomeText } from './outcome'

/** A slice of 5 x 4 voxels; letters are slots. */
function slice(...rows: string[]) {
  const data = Uint8Array.from(rows.join(''), Number)
  return {
    data,
    dims: [5, rows.length, 1] as [number, number, number],
    spacing: [1, 1, 1] as never,
  }
}

const before = slice('00000', '01010', '01110', '00000')

it('counts what was added and removed, and the holes that it left', () => {
  const after = slice('01110', '01010', '01110', '00000')
  expect(outcomeOf(before, after, 1, 2)).toEqual({ added: 3, removed: 0, holes: 1 })
  const cut = slice('02220', '01010', '00110', '00000')
  expect(outcomeOf(before, cut, 1, 2)).toEqual({ added: 0, removed: 1, holes: 0 })
})

it('does not count holes that were there, nor other labels inside the label', () => {
  const ring = slice('11111', '10101', '11111', '00000')
  expect(outcomeOf(ring, slice('11111', '10101', '11111', '00001'), 1, 2).holes).toBe(0)
  expect(outcomeOf(before, slice('01110', '01210', '01110', '00000'), 1, 2).holes).toBe(0)
})

it('says it, and names what fills the holes', () => {
  expect(outcomeText({ added: 1234, removed: 0, holes: 0 }, 'liver')).toBe(
    'added 1,234 voxels to liver.',
  )
  expect(outcomeText({ added: 0, removed: 1, holes: 0 }, 'liver')).toBe(
    'removed 1 voxel from liver.',
  )
  expect(outcomeText({ added: 9, removed: 2, holes: 5 }, 'cortex')).toBe(
    'added 9 voxels to cortex, removed 2 voxels from it. 5 voxels inside it are empty now: “Fill holes” (H) fills them.',
  )
})

it('a line that removed hardly more than itself has a better tool', () => {
  const line = [Uint32Array.of(5, 3), Uint32Array.of(7, 2)] // four voxels
  const text = (removed: number) => leakText({ added: 0, removed, holes: 0 }, line)
  expect(text(19)).toContain('scissors (C)')
  expect([text(20), text(0)]).toEqual(['', ''])
})

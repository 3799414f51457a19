import { describe, expect, it } from 'vitest'
import { diceText, kappaText, noteText, readerMasks, shareText } from './readings'
import type { SecondReading } from './schemas'
import { readingText } from './text'

const OPEN: SecondReading = {
  job: 'j',
  state: 'open',
  readers: 2,
  given: 1,
  mine: false,
  may_adjudicate: false,
  show_names: false,
  min_dice: 0.7,
  blind: true,
  requested_by: '',
  requested_at: '2026-03-01T00:00:00Z',
  completed_at: null,
  review: null,
  agreement: null,
  unblindings: [],
}
const AGREEMENT = {
  reviews: ['a', 'b'],
  readers: ['Reader 1', 'Reader 2'],
  verdicts: ['accepted', 'corrected'] as ('accepted' | 'corrected')[],
  common_reasons: [],
  overlaps: [{ first: 0, second: 1, dice: 0.5, labels: { '1': 0.5 } }],
  agree: false,
}

describe('second readings', () => {
  it('are named in the worklist until the job has its verdict', () => {
    const job = (state: 'open' | 'adjudicate' | 'complete', verdict: 'accepted' | null) =>
      readingText({ verdict, second_reading: { state, given: 1, readers: 2 } })
    expect(job('open', null)).toBe('1 of 2 readings')
    expect(job('adjudicate', null)).toBe('to be adjudicated')
    expect(job('complete', 'accepted')).toBeNull()
    expect(readingText({ verdict: null, second_reading: null })).toBeNull()
  })

  it('say who sees what', () => {
    expect(noteText(OPEN)).toContain('1 of 2 readings are given')
    expect(noteText({ ...OPEN, mine: true })).toContain(
      'hidden from others until 1 other reader has',
    )
    expect(noteText({ ...OPEN, mine: true, readers: 3 })).toContain('2 other readers have')
    const differ = { ...OPEN, state: 'adjudicate' as const, agreement: AGREEMENT }
    expect(noteText(differ)).toBe('The readers differ. Another reader decides.')
    expect(noteText({ ...differ, may_adjudicate: true })).toContain('your verdict decides')
    const complete = { ...differ, state: 'complete' as const }
    expect(noteText({ ...complete, review: 'b' })).toBe('The readers agree.')
    expect(noteText({ ...complete, review: 'c' })).toBe('Another reader has decided.')
  })

  it('have the masks of the readers who corrected, beside that of the model', () => {
    expect(readerMasks(OPEN)).toEqual([])
    expect(readerMasks({ ...OPEN, agreement: AGREEMENT })).toEqual([
      { label: 'Model', review: null },
      { label: 'Reader 2', review: 'b' },
    ])
  })

  it('have numbers with their intervals', () => {
    expect(diceText(0.934)).toBe('Dice 0.93')
    expect(diceText(null)).toBe('no mask to compare')
    expect(shareText({ value: 2 / 3, low: 0.208, high: 0.939 })).toBe('67 % (21 to 94 %)')
    expect(kappaText({ value: 0.4286, low: 0.323, high: 0.534 })).toBe('0.43 (0.32 to 0.53)')
  })
})

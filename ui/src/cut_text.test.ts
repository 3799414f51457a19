import { describe, expect, it } from 'vitest'
import { cutOf } from './cut_text'

describe('a name that is cut in its middle', () => {
  it('keeps its end, with what tells series apart', () => {
    const { head, tail } = cutOf('sub-0123_ses-baseline_acq-mprage_run-02_T1w.nii.gz')
    expect(tail).toBe('2_T1w.nii.gz')
    expect(head + tail).toBe('sub-0123_ses-baseline_acq-mprage_run-02_T1w.nii.gz')
  })

  it('shows no more of a short name at its end than at its beginning', () => {
    expect(cutOf('scan.nii')).toEqual({ head: 'scan', tail: '.nii' })
    expect(cutOf('a')).toEqual({ head: 'a', tail: '' })
    expect(cutOf('')).toEqual({ head: '', tail: '' })
  })

  it('cuts between characters, not within one', () => {
    const family = '👨‍👩‍👧'
    expect(cutOf(family + family)).toEqual({ head: family, tail: family })
    const accented = 'a\u0301'.repeat(4)
    expect(cutOf(accented).head).toBe('a\u0301'.repeat(2))
    expect(cutOf('\ud83e\udde0'.repeat(40)).tail).toBe('\ud83e\udde0'.repeat(12))
  })
})

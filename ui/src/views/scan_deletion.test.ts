import { describe, expect, it } from 'vitest'
import { takenText } from './scan_deletion'

const scan = { name: 'head.nii.gz' }

describe('the confirmation of a deletion', () => {
  it.each([
    [{ jobs: 0, unfinished: 0, reviews: 0 }, 'head.nii.gz is deleted.'],
    [
      { jobs: 1, unfinished: 0, reviews: 0 },
      'head.nii.gz is deleted, and with it 1 job with mask and report.',
    ],
    [
      { jobs: 3, unfinished: 0, reviews: 2 },
      'head.nii.gz is deleted, and with it 3 jobs with mask and report, and 2 reviews.',
    ],
  ])('says what goes: %j', (uses, expected) => {
    expect(takenText(scan, uses)[0]).toBe(expected)
    expect(takenText(scan, uses)[1]).toContain('cannot be undone')
  })

  it('says why it is not possible', () =>
    expect(takenText(scan, { jobs: 2, unfinished: 1, reviews: 0 })).toEqual([
      'head.nii.gz cannot be deleted now: 1 job of it is waiting or running. Cancel or wait first.',
    ]))
})

import { describe, expect, it } from 'vitest'
import { takenText } from './scan_deletion'

const scan = { name: 'head.nii.gz' }

describe('the confirmation of a deletion', () => {
  it.each([
    [{ jobs: 0, unfinished: 0, reviews: 0, holds: [] }, 'head.nii.gz is deleted.'],
    [
      { jobs: 1, unfinished: 0, reviews: 0, holds: [] },
      'head.nii.gz is deleted, and with it 1 job with mask and report.',
    ],
    [
      { jobs: 3, unfinished: 0, reviews: 2, holds: [] },
      'head.nii.gz is deleted, and with it 3 jobs with mask and report, and 2 reviews.',
    ],
  ])('says what goes: %j', (uses, expected) => {
    expect(takenText(scan, uses)[0]).toBe(expected)
    expect(takenText(scan, uses)[1]).toContain('cannot be undone')
  })

  it('says why it is not possible', () =>
    expect(takenText(scan, { jobs: 2, unfinished: 1, reviews: 0, holds: [] })).toEqual([
      'head.nii.gz cannot be deleted now: 1 job of it is waiting or running. Cancel or wait first.',
    ]))

  it('names the legal hold that forbids it', () => {
    const hold = {
      id: '5e1d',
      kind: 'patient' as const,
      target: 'QK5Z',
      reason: 'Case 17.',
      set_by: 'Ada',
      set_at: '2026-03-02T10:15:30Z',
      lifted_by: null,
      lifted_at: null,
    }
    expect(takenText(scan, { jobs: 2, unfinished: 1, reviews: 0, holds: [hold] })).toEqual([
      'head.nii.gz cannot be deleted: its patient is under a legal hold.',
      'Ada set it on 2026-03-02: Case 17.',
      'Only an administrator can lift it (hold 5e1d).',
    ])
  })
})

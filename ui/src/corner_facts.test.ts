import { describe, expect, it } from 'vitest'
import { cornerFacts } from './corner_facts'

const NOTHING = { name: 'a.nii', subject: null, modality: null, series_number: null }

describe('the corner of a scan', () => {
  it('names the patient by the pseudonym', () => {
    const scan = { name: 'Doe.zip: CT series 3', subject: 'ABCD', modality: 'CT', series_number: 3 }
    expect(cornerFacts({ ...scan, study_date: '2020-01-02' })).toEqual({
      subject: 'ABCD',
      series: 'CT · series 3',
      date: '2020-01-02',
    })
  })

  it('leaves out what the file does not state', () => {
    expect(cornerFacts({ ...NOTHING, study_date: null })).toEqual({
      subject: 'a.nii',
      series: '',
      date: '',
    })
    expect(cornerFacts({ ...NOTHING, modality: 'MR', study_date: null }).series).toBe('MR')
    expect(cornerFacts({ ...NOTHING, series_number: 0, study_date: null }).series).toBe('series 0')
  })
})

import { describe, expect, it } from 'vitest'
import { guessedScan, looksLikeMask, possibleScans } from './mask_guess'

const GRID = [1, 20, 30, 40]

function file(name: string, shape = GRID, format = 'nifti') {
  return { id: name, name, shape, format }
}

describe('a mask among the files', () => {
  it('is recognised by its name', () => {
    for (const name of ['t1_seg.nii.gz', 'patient1-label.nrrd', 'mask.mha', 'x.seg.nrrd', 'GT.nii'])
      expect(looksLikeMask(name), name).toBe(true)
    for (const name of ['t1.nii.gz', 'segmented-patients.nii', 'unmasked.nii', 'legit.png'])
      expect(looksLikeMask(name), name).toBe(false)
  })

  it('belongs to the scan on its grid', () => {
    const mask = file('t1_seg.nii.gz')
    const [scan, other] = [file('t1.nii.gz'), file('t2.nii.gz', [1, 20, 30, 41])]
    expect(guessedScan(mask, [mask, scan, other])).toBe(scan)
    expect(guessedScan(mask, [mask, other])).toBeUndefined()
    expect(guessedScan(scan, [mask, scan])).toBeUndefined()
  })

  it('may have its axes in another order', () => {
    const mask = file('mask.nrrd', [1, 40, 20, 30])
    expect(possibleScans(mask, [mask, file('ct.nrrd')])).toHaveLength(1)
    expect(possibleScans(file('mask.png', [1, 20, 30]), [file('a', [3, 20, 30])])).toHaveLength(1)
    expect(possibleScans(file('mask.png', [3, 20, 30]), [file('a', [3, 20, 30])])).toHaveLength(0)
  })

  it('belongs to the scan with the most similar name, if one is', () => {
    const mask = file('case7_label.nii')
    const scans = [mask, file('case7.nii'), file('case8.nii')]
    expect(guessedScan(mask, scans)?.name).toBe('case7.nii')
    expect(guessedScan(file('mask.nii'), scans.slice(1))).toBeUndefined()
    expect(guessedScan(mask, [mask, file('case7_t1.nii'), file('case7_t2.nii')])).toBeUndefined()
  })
})

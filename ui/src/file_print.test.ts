import { describe, expect, it } from 'vitest'
import { filePrint } from './file_print'

const file = (content: string, name = 'scan.nii', lastModified = 1): File =>
  new File([content], name, { lastModified })

describe('the fingerprint of files', () => {
  it('is the same for the same files, and does not show the name', async () => {
    const print = await filePrint([file('abc', 'Smith.nii')])
    expect(print).toMatch(/^[0-9a-f]{16}$/)
    expect(await filePrint([file('abc', 'Smith.nii')])).toBe(print)
  })

  it('differs by name, size, time of change and content', async () => {
    const long = 'x'.repeat(100_000)
    const prints = await Promise.all(
      [
        [file('abc')],
        [file('abd')],
        [file('abcd')],
        [file('abc', 'other.nii')],
        [file('abc', 'scan.nii', 2)],
        [file('abc'), file('abc')],
        [file(`${long}a`)],
        [file(`${long}b`)],
      ].map(filePrint),
    )
    expect(new Set(prints).size).toBe(prints.length)
  })
})

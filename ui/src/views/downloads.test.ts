import { expect, it } from 'vitest'
import { correctedPath } from './downloads'

it.each([
  ['/v1/jobs/j/mask?format=dicom-seg', 'jobs/j/reviews/r/mask?format=dicom-seg&reader=Dr.+B'],
  ['/v1/jobs/j/report?format=csv', 'jobs/j/reviews/r/report?format=csv&reader=Dr.+B'],
])('%s of a corrected mask is %s', (url, path) =>
  expect(correctedPath(url, { job: 'j', id: 'r' }, 'Dr. B')).toBe(path),
)

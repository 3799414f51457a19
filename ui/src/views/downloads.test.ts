import { expect, it } from 'vitest'
import { correctedPath } from './downloads'

it.each([
  ['/v1/jobs/j/mask?format=nifti', 'jobs/j/reviews/r/mask?format=nifti&reader=Dr.+B'],
  ['/v1/jobs/j/report?format=csv', 'jobs/j/reviews/r/report?format=csv&reader=Dr.+B'],
])('%s of a corrected mask is %s', (url, path) =>
  expect(correctedPath(url, { job: 'j', id: 'r' }, 'Dr. B')).toBe(path),
)

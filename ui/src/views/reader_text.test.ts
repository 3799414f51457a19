import { expect, it } from 'vitest'
import { forReaders } from './reader_text'

it.each([
  ['List the reviews with GET /v1/jobs/{job_id}/reviews.', ''],
  ['The id of the newest review in `seen`.', ''],
  [
    'Another page has gone on with it. Read all changes with GET /v1/jobs/{job_id}/draft/changes, and go on from there.',
    'Another page has gone on with it.',
  ],
  ['Raise `TESSERA_MAX_VOXELS`. Ask your administrator.', null],
  ['At most 4.5 MB.', null],
  ['', ''],
])('%s', (text, shown) => expect(forReaders(text)).toBe(shown ?? text))

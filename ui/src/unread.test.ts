import { afterEach, describe, expect, it, vi } from 'vitest'
import { EVERYTHING } from './job_query'
import { reader } from './reader'
import type { Job } from './schemas'
import { unreadOnly } from './unread'

const job = (id: string, state: string | null): Job =>
  ({ id, second_reading: state === null ? null : { state, given: 1, readers: 2 } }) as Job
const jobs = [
  job('plain', null),
  job('read', 'open'),
  job('mine', 'open'),
  job('odd', 'adjudicate'),
]

/** The gateway has these jobs that the reader has not read; the addresses that were requested. */
function gateway(unread: Job[]): string[] {
  const asked: string[] = []
  const body = JSON.stringify({ jobs: unread, next_cursor: null })
  vi.stubGlobal('document', { baseURI: 'http://gateway/' })
  vi.stubGlobal('fetch', async (address: string) => {
    asked.push(address)
    return new Response(body)
  })
  return asked
}

const ids = (some: Job[]): string[] => some.map(({ id }) => id)

describe('unreadOnly', () => {
  afterEach(() => void vi.unstubAllGlobals())

  it('leaves out what the reader has read, by one request', async () => {
    reader.name = 'Ada & Bob'
    const asked = gateway([jobs[2]!])
    const open = unreadOnly(EVERYTHING)
    expect(ids(await open(jobs))).toEqual(['plain', 'mine'])
    expect(await open([jobs[1]!])).toEqual([])
    expect(asked).toHaveLength(1)
    const query = new URL(asked[0]!).searchParams
    expect([query.get('unread_by'), query.get('reading')]).toEqual(['Ada & Bob', 'open'])
  })

  it('keeps those where readers differ, if the worklist shows them', async () => {
    gateway([jobs[3]!])
    expect(ids(await unreadOnly({ ...EVERYTHING, tab: 'adjudicate' })(jobs))).toEqual([
      'plain',
      'odd',
    ])
  })

  it('asks nothing without second readings', async () => {
    const asked = gateway([])
    expect(await unreadOnly(EVERYTHING)([jobs[0]!])).toEqual([jobs[0]])
    expect(asked).toEqual([])
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, responseProblem, UNREACHABLE } from '../requests'
import { Activity } from './activity'
import { DraftSync } from './draft'
import { pack, read, translated } from './wire'

const OFFLINE = new ApiError(UNREACHABLE)
const problem = (status: number, kind = '') =>
  new ApiError(
    responseProblem(status, JSON.stringify({ detail: 'No.', type: `urn:tessera:problem:${kind}` })),
  )
const run = (start: number) => Uint32Array.of(start, 1, 1)

/** A gateway that fails as it is told, and keeps the sets that it took. */
class Gateway {
  readonly sets: number[][] = []
  readonly numbers: number[] = []
  readonly errors: Error[] = []
  readonly states: string[] = []
  /** Whether the response is lost although the set was taken. */
  loses = false
  readonly sync = new DraftSync(
    0,
    async ({ number, runs }) => {
      const error = this.errors.shift()
      if (error !== undefined && !this.loses) throw error
      if (number === this.numbers.at(-1)) expect([...runs]).toEqual(this.sets.at(-1))
      else {
        expect(number).toBe(this.numbers.length + 1)
        this.numbers.push(number)
        this.sets.push([...runs])
      }
      if (error !== undefined) throw error
    },
    () => 1,
    () => this.states.push(this.sync.state),
  )
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a draft', () => {
  it('sends strokes together after a short pause, in order', async () => {
    const { sync, sets } = new Gateway()
    sync.add(run(1))
    sync.add(run(2))
    expect([sync.state, sync.unsaved]).toEqual(['saving', true])
    await vi.advanceTimersByTimeAsync(350)
    sync.add(run(3))
    await vi.advanceTimersByTimeAsync(350)
    expect(sets).toEqual([
      [1, 1, 1, 2, 1, 1],
      [3, 1, 1],
    ])
    expect([sync.state, sync.unsaved, sync.number]).toEqual(['saved', false, 2])
  })

  it('sends a stroke without end within a second', async () => {
    const { sync, sets } = new Gateway()
    for (let n = 0; n < 13; n++) {
      sync.add(run(n))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(sets.length).toBeGreaterThan(0)
  })

  it.each([false, true])(
    'is kept while there is no connection (response lost: %s)',
    async (lost) => {
      const gateway = new Gateway()
      const { sync, sets, errors } = gateway
      gateway.loses = lost
      errors.push(OFFLINE, problem(502), OFFLINE)
      sync.add(run(1))
      await vi.advanceTimersByTimeAsync(400)
      expect(sync.state).toBe('offline')
      sync.add(run(2))
      expect(await sync.flush()).toBe(false)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(sets).toEqual([
        [1, 1, 1],
        [2, 1, 1],
      ])
      expect(sync.state).toBe('saved')
    },
  )

  it('is sent again when a gateway of an earlier version does not know drafts', async () => {
    const { sync, sets, errors } = new Gateway()
    errors.push(problem(404, 'http-404'))
    sync.add(run(1))
    await vi.advanceTimersByTimeAsync(2000)
    expect([sync.state, sets]).toEqual(['saved', [[1, 1, 1]]])
  })

  it('tries at once when the network is back', async () => {
    const { sync, sets, errors } = new Gateway()
    errors.push(OFFLINE)
    sync.add(run(1))
    await vi.advanceTimersByTimeAsync(400)
    sync.retry()
    await vi.advanceTimersByTimeAsync(0)
    expect(sets).toHaveLength(1)
  })

  it.each([
    [409, 'draft-changed', 'elsewhere'],
    [404, 'not-found', 'elsewhere'],
    [422, 'bad-request', 'refused'],
    [403, 'forbidden', 'refused'],
  ])('ends when the gateway answers %i', async (status, kind, state) => {
    const { sync, errors, states } = new Gateway()
    errors.push(problem(status, kind))
    sync.add(run(1))
    expect(await sync.flush()).toBe(false)
    sync.add(run(2))
    expect([sync.state, sync.unsaved, states.at(-1)]).toEqual([state, false, state])
  })

  it('is complete when it was flushed', async () => {
    const { sync, sets } = new Gateway()
    expect(await sync.flush()).toBe(true)
    sync.add(run(1))
    expect(await sync.flush()).toBe(true)
    expect(sets).toHaveLength(1)
  })
})

it('packs runs as little-endian numbers', async () => {
  vi.useRealTimers()
  const runs = Uint32Array.of(1, 2, 3, 2 ** 32 - 1, 70_000, 5)
  const packed = await pack(runs)
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))
  expect(read(await new Response(stream).arrayBuffer())).toEqual(runs)
  expect([...translated(runs, (slot) => 10 * slot)]).toEqual([1, 2, 30, 2 ** 32 - 1, 70_000, 50])
})

it('counts the time in which the reader works', () => {
  let now = 0
  const activity = new Activity(() => now)
  for (const at of [500, 1500, 61_000, 200_000, 201_250]) {
    now = at
    activity.note()
  }
  expect(activity.take()).toBe(62.2)
  expect(activity.take()).toBe(0)
})

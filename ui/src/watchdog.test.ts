import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Watchdog } from './watchdog'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('reports each time of silence, and none after its end', () => {
  const silent = vi.fn()
  const watchdog = new Watchdog(100, silent)
  watchdog.heard()
  vi.advanceTimersByTime(99)
  watchdog.heard()
  vi.advanceTimersByTime(99)
  expect(silent).not.toHaveBeenCalled()
  vi.advanceTimersByTime(101)
  expect(silent).toHaveBeenCalledTimes(2)
  watchdog.end()
  vi.advanceTimersByTime(1000)
  expect(silent).toHaveBeenCalledTimes(2)
})

it('can be ended by what it calls', () => {
  const watchdog = new Watchdog(100, () => watchdog.end())
  watchdog.heard()
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(0)
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Countdown } from './countdown'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('begins when the last of what is being loaded is there', async () => {
  const over = vi.fn()
  const countdown = new Countdown(5000, over)
  let shown = (): void => {}
  const scan = new Promise<void>((resolve) => {
    shown = resolve
  })
  countdown.start()
  const wait = countdown.waitFor(scan)
  await countdown.waitFor(Promise.reject(new Error('No connection.')))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(over).not.toHaveBeenCalled()
  shown()
  await wait
  await vi.advanceTimersByTimeAsync(4999)
  expect(over).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(over).toHaveBeenCalledOnce()
})

it('does not begin by a load alone, nor after it was stopped', async () => {
  const over = vi.fn()
  const countdown = new Countdown(5000, over)
  await countdown.waitFor(Promise.resolve())
  countdown.start()
  countdown.stop()
  await countdown.waitFor(Promise.resolve())
  await vi.advanceTimersByTimeAsync(60_000)
  expect(over).not.toHaveBeenCalled()
})

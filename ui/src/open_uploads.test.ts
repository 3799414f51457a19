import { afterEach, describe, expect, it } from 'vitest'
import { OpenUploads } from './open_uploads'

const PATIENCE_MS = 1_500 // a busy machine is slow to deliver messages
const tabs: OpenUploads[] = []
const tab = (ids: string[]): OpenUploads => {
  tabs.push(new OpenUploads(() => ids))
  return tabs.at(-1)!
}

afterEach(() => {
  for (const one of tabs.splice(0)) one.close()
})

describe('open uploads', () => {
  it('are known in all tabs as long as they are in a list', async () => {
    const ids = ['b']
    const here = tab(['a'])
    tab(ids)
    tab(['c', 'd'])
    expect(await here.ofAllTabs(PATIENCE_MS)).toEqual(new Set(['a', 'b', 'c', 'd']))
    ids.pop()
    expect(await here.ofAllTabs(PATIENCE_MS)).toEqual(new Set(['a', 'c', 'd']))
  })

  it('are known to each of two questions at once', async () => {
    const here = tab([])
    tab(['a'])
    const first = here.ofAllTabs(PATIENCE_MS / 3)
    await new Promise((later) => setTimeout(later, PATIENCE_MS / 3 - 5)) // the answer is here
    const second = here.ofAllTabs(PATIENCE_MS / 3)
    expect(await Promise.all([first, second])).toEqual([new Set(['a']), new Set(['a'])])
  })

  it('of a tab that is closed are in no list', async () => {
    const here = tab([])
    tab(['a']).close()
    expect(await here.ofAllTabs(PATIENCE_MS)).toEqual(new Set())
  })
})

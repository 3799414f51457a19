/** Views of the worklist that the reader has saved under a name, kept in the browser. */

import { type JobQuery, queryOf } from './job_query'
import { ownKey } from './owner'
import { recall, remember } from './preferences'

const NAME = 'views'

export type SavedViews = Record<string, JobQuery>

export function savedViews(): SavedViews {
  const views: SavedViews = {}
  for (const [name, query] of Object.entries(stored())) views[name] = queryOf(query)
  return views
}

/** The searched text is left out: it may name a patient. */
export function saveView(name: string, query: JobQuery): void {
  store({ ...savedViews(), [name]: { ...query, text: '' } })
}

export function deleteView(name: string): void {
  const { [name]: _, ...others } = savedViews()
  store(others)
}

function store(views: SavedViews): void {
  remember(ownKey('', NAME), JSON.stringify(views))
}

function stored(): object {
  try {
    const found: unknown = JSON.parse(recall(ownKey('', NAME), '{}'))
    return typeof found === 'object' && found !== null ? found : {}
  } catch {
    return {}
  }
}

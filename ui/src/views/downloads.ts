/** Links to the files of a mask: the job's own, and the newest one that a reader corrected. */

import { address } from '../api'
import { element } from '../element'
import { roveToolbar } from '../roving'
import type { Download, Review } from '../schemas'

/** `lead`: the words before the links. */
function bar(
  name: string,
  lead: string,
  files: Download[],
  path: (url: string) => string,
): HTMLElement {
  const root = element(
    'div.links',
    { role: 'toolbar', 'aria-label': name },
    lead,
    ...files.map((file) => element('a', { href: path(file.url), download: '' }, textOf(file))),
  )
  roveToolbar(root)
  return root
}

function textOf({ kind, title }: Download): string {
  return `${kind === 'mask' ? 'Mask' : 'Report'} (${title})`
}

export function ownLinks(files: Download[]): HTMLElement {
  return bar('Download', 'Download: ', files, (url) => address(pathOf(url)))
}

/** `reader`: the name under which the review may be seen. */
export function correctedLinks(
  files: Download[],
  review: Pick<Review, 'job' | 'id'>,
  reader: string,
): HTMLElement {
  const lead = 'Download the corrected mask: '
  return bar('Download the corrected mask', lead, files, (url) =>
    address(correctedPath(url, review, reader)),
  )
}

/** The path below the API of the same file of a corrected mask. */
export function correctedPath(
  url: string,
  { job, id }: Pick<Review, 'job' | 'id'>,
  reader: string,
): string {
  const path = pathOf(url).replace(`jobs/${job}/`, `jobs/${job}/reviews/${id}/`)
  return `${path}&${new URLSearchParams({ reader })}`
}

function pathOf(url: string): string {
  return url.replace(/^\/v1\//, '')
}

/** In the row of an upload: the masks that came with it, and whether it is a mask itself. */

import * as api from '../api'
import { element } from '../element'
import { possibleScans } from '../mask_guess'
import { go, read } from '../route'
import type { Scan } from '../schemas'
import type { Upload, Uploads } from '../uploads'
import { problemBox } from './messages'

const MOST_NAMES = 3

/** DICOM Segmentations of the upload, each with a way to its review, or why it is refused. */
export function maskLines(item: Upload): HTMLElement[] {
  return item.masks.map(({ labels, job, problem }) => {
    if (problem !== null) return problemBox({ ...problem, title: `Mask: ${problem.title}` })
    const shown = labels.slice(0, MOST_NAMES).join(', ')
    const more = labels.length > MOST_NAMES ? ` and ${labels.length - MOST_NAMES} more` : ''
    return element(
      'div.mask',
      {},
      element('span', {}, `Mask: ${shown}${more}`),
      reviewButton(() => job !== null && go({ page: 'job', id: job })),
    )
  })
}

/** The choice whether the file is a scan or a mask of another one; null if it can be no mask. */
export function maskChoice(item: Upload, uploads: Uploads): HTMLElement | null {
  const { scan } = item
  if (scan === null) return null
  const others = possibleScans(scan, uploads.everyScan)
  if (others.length === 0) return null
  const select = element(
    'select',
    {
      'aria-label': `What ${item.name} is`,
      onchange: () => uploads.setMaskOf(item, others.find(({ id }) => id === select.value) ?? null),
    },
    element('option', { value: '' }, 'a scan'),
    ...others.map((other) => element('option', { value: other.id }, `a mask of ${other.name}`)),
  )
  select.value = item.maskOf?.id ?? ''
  const of = item.maskOf
  return element(
    'div.mask',
    {},
    element('label', {}, 'This file is ', select),
    of !== null && reviewButton(() => void review(of, scan, item, uploads)),
    item.maskProblem !== null && problemBox(item.maskProblem),
  )
}

async function review(scan: Scan, mask: Scan, item: Upload, uploads: Uploads): Promise<void> {
  try {
    const job = await api.addMask(scan.id, mask.id)
    uploads.remove(item)
    if (read().page === 'start') go({ page: 'job', id: job.id }) // else the reader went elsewhere
  } catch (error) {
    uploads.refuseMask(item, api.problemOf(error))
  }
}

function reviewButton(onclick: () => void): HTMLButtonElement {
  return element('button', { type: 'button', onclick }, 'Review this mask')
}

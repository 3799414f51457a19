/** Loads the next job's scan and mask into the browser's cache while the reader looks at this one. */

import * as api from './api'
import type { Job } from './schemas'
import { MAX_VOXELS, voxels } from './text'
import { inTiles } from './tiles'

let running = { job: '', stop: new AbortController() }

/** Loads the files of this job, and no longer those of another one. */
export function prefetch(job: Job | undefined): void {
  if (job?.id === running.job) return
  running.stop.abort()
  running = { job: job?.id ?? '', stop: new AbortController() }
  if (job !== undefined) load(job, running.stop.signal).catch(() => {}) // it only saves time
}

async function load(job: Job, signal: AbortSignal): Promise<void> {
  const scan = await api.scan(Object.values(job.scans)[0]!)
  if (inTiles(scan)) {
    await Promise.all([
      api.tiles(`scans/${scan.id}/tiles`, signal), // it is cut meanwhile
      api.tiles(`jobs/${job.id}/mask/tiles`, signal),
    ])
    return
  }
  if (voxels(scan) > MAX_VOXELS) return // the page shows a preview of it
  await api.cache(`scans/${scan.id}/volume`, signal)
  await api.cache(`jobs/${job.id}/mask?format=nifti`, signal)
}

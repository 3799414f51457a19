/** Loads the next job's scan and mask while the reader looks at this one. */

import * as api from './api'
import type { Job } from './schemas'
import { voxels } from './text'
import { inTiles } from './tiles'

/** Larger scans would take too much memory beside the one on screen. */
const MOST_VOXELS = 2 ** 27

let running = { job: '', stop: new AbortController() }

/** Loads the files of this job, and no longer those of another one. */
export function prefetch(job: Job | undefined): void {
  if (job?.id === running.job) return
  running.stop.abort()
  api.ahead.clear()
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
  if (voxels(scan) > MOST_VOXELS) return
  for (const path of [`scans/${scan.id}/volume`, `jobs/${job.id}/mask?format=nifti`]) {
    if (signal.aborted) return
    const file = api.bytes(path, signal)
    api.ahead.set(path, file)
    await file.catch(() => api.ahead.delete(path))
  }
}

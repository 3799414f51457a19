/** Typed calls of the gateway. Every failure is an `ApiError` that can be shown to the user. */

import { get, post, problemOf, received, request, send, unpacked } from './requests'
import type { MaskRef } from './route'
import type {
  Account,
  ArchiveSeries,
  Assignment,
  BatchReview,
  Comparison,
  Delivery,
  Download,
  Draft,
  Drafts,
  Format,
  Job,
  JobCounts,
  JobPage,
  Model,
  ModelFit,
  NewBatchReview,
  NewJob,
  NewReview,
  NewSecondReadings,
  Peer,
  Problem,
  ReaderAgreement,
  RelatedScans,
  Report,
  Review,
  Scan,
  ScanPage,
  Scans,
  ScanUses,
  SecondReading,
  SecondReadings,
  Tiles,
  UploadedMask,
  Viewers,
} from './schemas'

export { ApiError, address, ahead, bytes, problemOf, UNREACHABLE } from './requests'

function items<T>(body: T[] | Record<string, T[]>, name: string): T[] {
  return Array.isArray(body) ? body : (body[name] ?? [])
}

export const formats = (): Promise<Format[]> => get('formats')
export const models = async (): Promise<Model[]> => items(await get('models'), 'models')
export const scan = (id: string): Promise<Scan> => get(`scans/${id}`)
/** How a picture is cut into tiles; the first request has it cut. */
export const tiles = (path: string, signal: AbortSignal): Promise<Tiles> => get(path, signal)
export const fits = (scan: string): Promise<ModelFit[]> => get(`scans/${scan}/models`)
export const scans = (): Promise<ScanPage> => get('scans')
export const job = (id: string): Promise<Job> => get(`jobs/${id}`)
/** The job as the gateway has it now; null if it was deleted. */
export async function jobIfAny(id: string): Promise<Job | null> {
  try {
    return await job(id)
  } catch (error) {
    if (problemOf(error).status === 404) return null
    throw error
  }
}

export const report = (id: string): Promise<Report> => get(`jobs/${id}/report`)
/** The sizes in a mask that a reader corrected, which the gateway measures. */
export const readerReport = (
  id: string,
  review: string,
  reader: string,
): Promise<Pick<Report, 'measurements'>> =>
  get(`jobs/${id}/reviews/${review}/report?${new URLSearchParams({ format: 'json', reader })}`)
export const downloads = (id: string): Promise<Download[]> => get(`jobs/${id}/downloads`)
export const peers = (): Promise<Peer[]> => get('peers')
export const deliveries = (id: string): Promise<Delivery[]> => get(`jobs/${id}/deliveries`)
/** Sends a job's mask, or the one that a reader corrected in `review`. */
export const deliver = (
  id: string,
  to: string,
  formats: string[],
  review: string | null,
): Promise<Delivery[]> => post(`jobs/${id}/deliveries`, { to: [to], formats, review })
export const searchArchive = (peer: string, query: URLSearchParams): Promise<ArchiveSeries[]> =>
  get(`peers/${peer}/series?${query}`)
export const pull = (peer: string, series: string): Promise<Scan[]> =>
  post('scans/pull', { from: peer, series })
export const cancel = (id: string): Promise<Job> => post(`jobs/${id}/cancel`)
export const retry = (id: string): Promise<Job> => post(`jobs/${id}/retry`)

export const jobs = (query: URLSearchParams, signal: AbortSignal): Promise<JobPage> =>
  get(`jobs?${query}`, signal)
export const jobCounts = (
  query: URLSearchParams,
  signal: AbortSignal | null = null,
): Promise<JobCounts> => get(`jobs/counts?${query}`, signal)
/** What a deletion of the scan deletes with it. */
export const scanUses = (id: string): Promise<ScanUses> => get(`scans/${id}/uses`)
export const deleteScan = async (id: string): Promise<void> => {
  await leaving // else the page would leave a job that does not exist any more
  await request(`scans/${id}`, { method: 'DELETE' })
}

/** Makes the scan `mask`, a label map, a mask of `scan`; the finished job that holds it. */
export const addMask = (scan: string, mask: string): Promise<Job> =>
  post(`scans/${scan}/masks`, { mask })

/** Requests with the same `key` are one job. */
export const start = (wanted: NewJob, key: string): Promise<Job> => post('jobs', wanted, key)

/** The reviews that a reader of this name may see. */
export const reviews = async (id: string, reader: string): Promise<Review[]> =>
  items(await get(`jobs/${id}/reviews${by(reader)}`), 'reviews')

export const review = (id: string, verdict: NewReview): Promise<Review> =>
  post(`jobs/${id}/reviews`, verdict)

/** Withdraws a verdict that was just given. */
export const withdraw = (id: string, review: string, reader: string): Promise<Review> =>
  post(`jobs/${id}/reviews/${review}/withdraw${by(reader)}`)

/** Begins a correction, or returns the one that the reader has begun. */
export const beginDraft = (id: string, reader: string, base: string | null): Promise<Draft> =>
  send('PUT', `jobs/${id}/draft`, { reader, base })

/** The correction that the reader has begun; null without one. */
export async function draftIfAny(id: string, reader: string): Promise<Draft | null> {
  const { drafts } = await get<Drafts>(`jobs/${id}/drafts${by(reader)}`)
  return drafts[0] ?? null
}

/** The corrections of all jobs that the reader has begun and not saved. */
export const ownDrafts = async (reader: string): Promise<Draft[]> =>
  items(await get(`drafts${by(reader)}`), 'drafts')

export const discardDraft = async ({ job, id, reader }: Draft): Promise<void> => {
  const query = new URLSearchParams({ draft: id, reader })
  await request(`jobs/${job}/draft?${query}`, { method: 'DELETE' })
}

/** The path of the changes of a draft. */
export const draftChanges = ({ job, id, reader }: Draft): string =>
  `jobs/${job}/draft/changes?${new URLSearchParams({ draft: id, reader })}`

/** Adds the next set of changes to a draft; `body` is packed. */
export async function appendChanges(
  { job, id, reader }: Draft,
  number: number,
  body: ArrayBuffer,
  seconds: number,
): Promise<void> {
  const query = new URLSearchParams({ draft: id, reader, seconds: String(seconds) })
  const signal = AbortSignal.timeout(APPEND_MS)
  const response = await request(`jobs/${job}/draft/changes/${number}?${query}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/octet-stream' },
    body,
    signal,
    keepalive: body.byteLength < MOST_KEPT_ALIVE, // also while the browser closes the page
  })
  await received(response.arrayBuffer(), signal) // one that is not read would be broken off
}
const APPEND_MS = 20_000
const MOST_KEPT_ALIVE = 60_000 // browsers refuse more than 64 KiB

/** What the assistant changes in a box, without gzip; `marks` is packed. */
export async function assistance(
  job: string,
  { low, high }: { low: readonly number[]; high: readonly number[] },
  marks: ArrayBuffer,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  const query = new URLSearchParams()
  for (const n of low) query.append('low', String(n))
  for (const n of high) query.append('high', String(n))
  const response = await request(`jobs/${job}/assistance?${query}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: marks,
    signal,
  })
  return unpacked(await received(response.arrayBuffer(), signal))
}

/** The path of a mask that a reader corrected. */
export const readerMask = (id: string, review: string, reader: string): string =>
  `jobs/${id}/reviews/${review}/mask?${new URLSearchParams({ format: 'nifti', reader })}`

/** The path of a mask as NIfTI, as far as a reader of this name may see it. */
export const maskPath = ({ job, review }: MaskRef, reader: string): string =>
  review === null ? `jobs/${job}/mask?format=nifti` : readerMask(job, review, reader)

/** What two masks of one grid have in common. */
export function compare(first: MaskRef, second: MaskRef, reader: string): Promise<Comparison> {
  const query = new URLSearchParams({ with_job: second.job, reader })
  if (first.review !== null) query.set('review', first.review)
  if (second.review !== null) query.set('with_review', second.review)
  return get(`jobs/${first.job}/comparison?${query}`)
}

/** Other scans, those that may show the same subject first. `name`: a part of their names. */
export const relatedScans = (id: string, name: string): Promise<RelatedScans> =>
  get(`scans/${id}/related?${new URLSearchParams({ name })}`)

export const secondReading = (id: string, reader: string): Promise<SecondReading> =>
  get(`jobs/${id}/second-reading${by(reader)}`)

/** Puts a job up for a second reading. */
export const requestSecondReading = (id: string, reader: string): Promise<SecondReading> =>
  send('PUT', `jobs/${id}/second-reading`, { reader })

/** Cancels a second reading that is not complete: all reviews are shown then. */
export const cancelSecondReading = async (id: string): Promise<void> => {
  await request(`jobs/${id}/second-reading`, { method: 'DELETE' })
}

/** Puts a share of the jobs that the query selects up for a second reading. */
export const requestSecondReadings = (
  query: URLSearchParams,
  wanted: NewSecondReadings,
): Promise<SecondReadings> => post(`second-readings?${query}`, wanted)

export const readerAgreement = (query: URLSearchParams): Promise<ReaderAgreement> =>
  get(`second-readings/agreement?${query}`)

/** The query with the name of the reader; empty without one. */
function by(reader: string): string {
  return reader === '' ? '' : `?${new URLSearchParams({ reader })}`
}

/** Who calls, and what the caller may do. */
export const account = (): Promise<Account> => get('account')

/** Gives one verdict on many jobs. Requests with the same `key` are one. */
export const batchReview = (wanted: NewBatchReview, key: string): Promise<BatchReview> =>
  post('batch-reviews', wanted, key)

/** Withdraws the verdicts of a batch that were just given. */
export const withdrawBatch = (id: string): Promise<{ jobs: string[] }> =>
  post(`batch-reviews/${id}/withdraw`)

/** Assigns jobs to a reader, or with an empty name to nobody; `seen`: who had each job. */
export async function assign(
  jobs: { id: string; seen: string }[],
  assignee: string,
): Promise<Assignment[]> {
  return items(await post('assignments', { jobs, assignee }), 'results')
}

/** Reports that a page shows a job; who else does. */
export function stay(id: string, page: string, reader: string): Promise<Viewers> {
  return send('PUT', `jobs/${id}/viewers/${page}`, { reader })
}

/** Reports that a page no longer shows a job, also while the browser closes it. */
export function leave(id: string, page: string): void {
  const gone = request(`jobs/${id}/viewers/${page}`, { method: 'DELETE', keepalive: true })
  leaving = gone.catch(() => {}) // its report expires
}
let leaving: Promise<unknown> = Promise.resolve()

/** The scans that were made of an upload. */
export interface Taken {
  scans: Scan[]
  /** DICOM Segmentations that came with them. */
  masks: UploadedMask[]
  /** Of the parts that cannot become scans. */
  refused: Problem[]
  /** The gateway had them already. */
  known: boolean
}

/** Uploads small files in one request. `query`: which of several scans are meant, and how. */
export async function upload(
  files: File[],
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<Taken> {
  const body = new FormData()
  for (const file of files) body.append('files', file, file.name)
  return taken(
    await request(`scans?${new URLSearchParams(query)}`, { method: 'POST', body, signal }),
  )
}

/** Makes scans of a complete upload, by its id. */
export async function takeIn(
  id: string,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<Taken> {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ uploads: [{ id }] }),
    signal,
  }
  return taken(await request(`scans/uploaded?${new URLSearchParams(query)}`, init))
}

async function taken(response: Response): Promise<Taken> {
  const body = await received<Scan | Scans>(response.json())
  const { scans, refused } = 'scans' in body ? body : { scans: [body], refused: [] }
  return {
    scans,
    masks: body.masks ?? [],
    refused: refused.map((one) => named(one.name, one.problem)),
    known: response.status === 200,
  }
}

/** The problem with the name of its scan in the title. */
function named(name: string, problem: Problem): Problem {
  return { ...problem, title: `${name}: ${problem.title}` }
}

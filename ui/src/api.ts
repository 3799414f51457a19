/** The gateway, as typed calls. Every failure is a `Trouble` that can be shown as it is. */

import type {
  ArchiveSeries,
  Delivery,
  Download,
  Format,
  Job,
  JobPage,
  Model,
  NewJob,
  NewReview,
  Peer,
  Problem,
  Report,
  Review,
  Scan,
  ScanPage,
  Scans,
} from './wire'

/** A request that did not succeed; `problem` is written for the reader of the page. */
export class Trouble extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
  }
}

const UNREACHABLE: Problem = {
  title: 'No connection',
  status: 0,
  detail: 'The service does not answer.',
  expected: '',
  hint: 'Check that Tessera is running and that this computer is connected, then try again.',
}

/** Relative to the page, so that a proxy may serve both below a path. */
export function address(path: string): string {
  return new URL(`v1/${path}`, document.baseURI).href
}

function described(status: number, body: string): Problem {
  try {
    const found = JSON.parse(body) as Partial<Problem>
    if (typeof found.detail === 'string' && found.detail) {
      return {
        title: found.title ?? 'The request failed',
        status,
        detail: found.detail,
        expected: found.expected ?? '',
        hint: found.hint ?? '',
        kind: (found as { type?: string }).type?.split(':').pop() ?? '',
        choices: found.choices ?? [],
      }
    }
  } catch {
    // not from the gateway itself: a proxy's page, or nothing at all
  }
  return {
    title: 'The request failed',
    status,
    detail: `The service answered with the status ${status} and no explanation.`,
    expected: '',
    hint: 'Try again; if it stays so, ask whoever runs this Tessera to look at its log.',
  }
}

/** Any failure as a problem to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Trouble) return error.problem
  return {
    title: 'The page failed',
    status: 0,
    detail: error instanceof Error ? error.message : String(error),
    expected: '',
    hint: 'Reload the page.',
  }
}

async function answer(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(address(path), init)
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new Trouble(UNREACHABLE)
  }
  if (!response.ok) throw new Trouble(described(response.status, await response.text()))
  return response
}

async function get<T>(path: string): Promise<T> {
  return (await (await answer(path, { cache: 'no-store' })).json()) as T
}

async function post<T>(path: string, body?: unknown, key?: string): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (key !== undefined) headers['Idempotency-Key'] = key
  const init: RequestInit = { method: 'POST', headers }
  if (body !== undefined) init.body = JSON.stringify(body)
  return (await (await answer(path, init)).json()) as T
}

function listed<T>(body: T[] | Record<string, T[]>, name: string): T[] {
  return Array.isArray(body) ? body : (body[name] ?? [])
}

export const formats = (): Promise<Format[]> => get('formats')
export const models = async (): Promise<Model[]> => listed(await get('models'), 'models')
export const scan = (id: string): Promise<Scan> => get(`scans/${id}`)
export const scans = (): Promise<ScanPage> => get('scans')
export const job = (id: string): Promise<Job> => get(`jobs/${id}`)
export const report = (id: string): Promise<Report> => get(`jobs/${id}/report`)
export const downloads = (id: string): Promise<Download[]> => get(`jobs/${id}/downloads`)
export const peers = (): Promise<Peer[]> => get('peers')
export const deliveries = (id: string): Promise<Delivery[]> => get(`jobs/${id}/deliveries`)
export const deliver = (id: string, to: string, formats: string[]): Promise<Delivery[]> =>
  post(`jobs/${id}/deliveries`, { to: [to], formats })
export const archived = (peer: string, query: URLSearchParams): Promise<ArchiveSeries[]> =>
  get(`peers/${peer}/series?${query}`)
export const pull = (peer: string, series: string): Promise<Scan[]> =>
  post('scans/pull', { from: peer, series })
export const cancel = (id: string): Promise<Job> => post(`jobs/${id}/cancel`)
export const retry = (id: string): Promise<Job> => post(`jobs/${id}/retry`)

export const jobs = (cursor: string | null = null): Promise<JobPage> =>
  get(cursor === null ? 'jobs' : `jobs?cursor=${encodeURIComponent(cursor)}`)

/** `key` makes a repeated request the same job. */
export const start = (wanted: NewJob, key: string): Promise<Job> => post('jobs', wanted, key)

export const reviews = async (id: string): Promise<Review[]> =>
  listed(await get(`jobs/${id}/reviews`), 'reviews')

export const review = (id: string, made: NewReview): Promise<Review> =>
  post(`jobs/${id}/reviews`, made)

/** The bytes of a volume or mask, unpacked if they are a gzip; `onBytes` hears how many came. */
export async function bytes(
  path: string,
  signal: AbortSignal,
  onBytes: (count: number) => void = () => {},
): Promise<ArrayBuffer> {
  const response = await answer(path, { signal })
  let count = 0
  const counted = response.body!.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        onBytes((count += chunk.byteLength))
        controller.enqueue(chunk)
      },
    }),
  )
  return unpacked(await new Response(counted).arrayBuffer())
}

async function unpacked(buffer: ArrayBuffer): Promise<ArrayBuffer> {
  const head = new Uint8Array(buffer, 0, Math.min(2, buffer.byteLength))
  if (head[0] !== 0x1f || head[1] !== 0x8b) return buffer
  const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}

/** Sends what goes together; `fetch` cannot tell how much has left, so this is an XMLHttpRequest. */
export function upload(
  files: File[],
  query: Record<string, string>,
  onFraction: (fraction: number) => void,
  signal: AbortSignal,
): Promise<{ scans: Scan[]; refused: Problem[]; known: boolean }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `${address('scans')}?${new URLSearchParams(query)}`)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onFraction(event.loaded / event.total)
    }
    request.onerror = () => reject(new Trouble(UNREACHABLE))
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'))
    request.onload = () => {
      if (request.status !== 200 && request.status !== 201) {
        reject(new Trouble(described(request.status, request.responseText)))
      } else {
        const told = JSON.parse(request.responseText) as Scan | Scans
        const { scans, refused } = 'scans' in told ? told : { scans: [told], refused: [] }
        const known = request.status === 200
        resolve({ scans, refused: refused.map((one) => named(one.name, one.problem)), known })
      }
    }
    signal.addEventListener('abort', () => request.abort())
    const form = new FormData()
    for (const file of files) form.append('files', file, file.name)
    request.send(form)
  })
}

/** A problem that says which of several scans it is about. */
function named(name: string, problem: Problem): Problem {
  return { ...problem, title: `${name}: ${problem.title}` }
}

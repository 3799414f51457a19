/** Sends files by tus: an interrupted upload continues where it was, also after a reload. */

import type { DetailedError } from 'tus-js-client'
import { filePrint } from './file_print'
import { pageHeader } from './idle'
import { randomId } from './random_id'
import { ApiError, address, responseProblem, UNREACHABLE } from './requests'
import type { Problem } from './schemas'
import { tarOf } from './tar'
import { forget, idOf, storage } from './unfinished'
import { Watchdog } from './watchdog'

/**
 * Bytes of a request. When a connection breaks, a proxy that waits for whole requests loses one, and
 * Chromium sends one again by itself, which the gateway refuses because it has a part of it.
 */
const PART_BYTES = 8 << 20
/** Pauses after failures without progress: about four minutes, enough to restart a gateway. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, ...Array<number>(15).fill(15_000)]
/** A request without progress for this long is sent again: its connection may be dead. */
const SILENCE_MS = 45_000
/** After so many without progress in between, the upload has failed. */
const MOST_SILENCES = 6
/** These may pass by themselves; all other refusals are final. */
const PASSING = [0, 408, 409, 423, 425, 429, 500, 502, 503, 504]

const CHANGED: Problem = {
  title: 'File changed',
  status: 409,
  detail: '',
  expected: 'The file as it was when you chose it.',
  hint: 'It was changed, moved or deleted. Remove the upload and choose the file again.',
}

export interface Listener {
  /** The upload has this id; `continued`: it had begun before. */
  known(id: string, continued: boolean): void
  sent(fraction: number): void
  /** The connection broke; the upload goes on by itself. */
  interrupted(): void
}

/**
 * Sends what the gateway does not have yet of the files; resolves to the id of the upload.
 *
 * Several files are sent as a tar. `name`: of the scan; empty: by its content. Rejects with the
 * signal's reason when it is aborted, also while the files are still read.
 */
export async function transfer(
  files: File[],
  name: string,
  listener: Listener,
  signal: AbortSignal,
): Promise<string> {
  const [tus, print] = await Promise.all([import('tus-js-client'), filePrint(files)])
  const content = files.length === 1 ? files[0]! : tarOf(files)
  const [earlier] = await storage.findUploadsByFingerprint(print)
  signal.throwIfAborted()
  let [furthest, silences] = [0, 0]
  let again = (): void => {}
  const watchdog = new Watchdog(SILENCE_MS, () => again())
  const sending = new Promise<string>((resolve, reject) => {
    const upload = new tus.Upload(content, {
      endpoint: address('uploads'),
      headers: { 'Idempotency-Key': randomId() }, // a lost response creates no second upload
      onBeforeRequest: (request) => {
        for (const [key, value] of Object.entries(pageHeader())) request.setHeader(key, value)
      },
      metadata: name === '' ? {} : { filename: name },
      chunkSize: PART_BYTES,
      retryDelays: PAUSES_MS,
      fingerprint: async () => print,
      urlStorage: storage,
      onUploadUrlAvailable: () => {
        const id = idOf(upload.url!)
        upload.url = address(`uploads/${id}`) // a proxy may serve the gateway below a path
        listener.known(id, upload.url === earlier?.uploadUrl)
      },
      onProgress: (bytes, total) => {
        watchdog.heard()
        if (bytes > furthest) [furthest, silences] = [bytes, 0]
        listener.sent(bytes / total)
      },
      onShouldRetry: (error) => {
        watchdog.heard()
        const passing = PASSING.includes(statusOf(error))
        if (passing) listener.interrupted()
        if (statusOf(error) === 0) void readable(files).catch(stop)
        return passing
      },
      onSuccess: () => resolve(idOf(upload.url!)),
      onError: (error) => reject(failure(error)),
    })
    const stop = (reason: Error): void => {
      void upload.abort()
      reject(reason)
    }
    again = () => {
      silences += 1
      if (silences > MOST_SILENCES) return stop(new ApiError(UNREACHABLE))
      listener.interrupted()
      void readable(files).catch(stop)
      void upload.abort().then(() => watchdog.ended || upload.start())
    }
    signal.addEventListener('abort', () => stop(new DOMException('cancelled', 'AbortError')))
    if (earlier !== undefined) upload.resumeFromPreviousUpload(earlier)
    watchdog.heard()
    upload.start()
  })
  return sending.finally(() => watchdog.end())
}

/** Deletes an upload from the gateway, which may have deleted it already. */
export async function discard(id: string): Promise<void> {
  forget(id)
  const headers = { 'Tus-Resumable': '1.0.0', ...pageHeader() }
  await fetch(address(`uploads/${id}`), { method: 'DELETE', headers }).catch(() => null)
}

/** Rejects if the browser cannot read a file: a request of it fails as without a connection. */
async function readable(files: File[]): Promise<void> {
  for (const file of files) {
    await file
      .slice(0, 1)
      .arrayBuffer()
      .catch(() => {
        throw new ApiError({ ...CHANGED, detail: `The file ${file.name} cannot be read any more.` })
      })
  }
}

function failure(error: Error | DetailedError): Error {
  const status = statusOf(error)
  if (status === 0) return new ApiError(UNREACHABLE)
  const body = (error as DetailedError).originalResponse?.getBody() ?? ''
  return new ApiError(responseProblem(status, body))
}

/** 0: there is no response. */
function statusOf(error: Error | DetailedError): number {
  return ('originalResponse' in error && error.originalResponse?.getStatus()) || 0
}

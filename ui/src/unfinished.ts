/**
 * The uploads that a person has begun in this browser and not finished: fingerprint of the files -> upload.
 *
 * Nothing else is kept in the browser; a file name may identify a patient.
 */

import type { PreviousUpload, UrlStorage } from 'tus-js-client'
import { ownKey } from './owner'
import { address } from './requests'

const PREFIX = 'tessera.upload.'
const KEPT_MS = 7 * 24 * 3600 * 1000 // the gateway deletes them earlier, after a day by default

interface Entry {
  id: string
  since: number
}

/** Id of an upload, the last part of its address. */
export function idOf(url: string): string {
  return url.split('/').pop()!
}

/** The ids of all unfinished uploads; forgets those that the gateway has surely deleted. */
export function unfinished(): string[] {
  return keys().flatMap((key) => {
    const entry = read(key)
    if (entry !== null && Date.now() - entry.since < KEPT_MS) return [entry.id]
    forgetKey(key)
    return []
  })
}

export function forget(id: string): void {
  for (const key of keys()) if (read(key)?.id === id) forgetKey(key)
}

/** The list in the form that tus-js-client asks for. */
export const storage: UrlStorage = {
  findAllUploads: async () => keys().flatMap(previous),
  findUploadsByFingerprint: async (print) => previous(ownKey(PREFIX, print)),
  removeUpload: async (key) => forgetKey(key),
  addUpload: async (print, upload) => {
    const entry: Entry = { id: idOf(upload.uploadUrl!), since: Date.now() }
    try {
      localStorage.setItem(ownKey(PREFIX, print), JSON.stringify(entry))
    } catch {
      // storage is disabled or full: the upload cannot be continued after a reload
    }
    return ownKey(PREFIX, print)
  },
}

function previous(key: string): PreviousUpload[] {
  const entry = read(key)
  if (entry === null) return []
  return [
    {
      size: null,
      metadata: {},
      creationTime: new Date(entry.since).toISOString(),
      urlStorageKey: key,
      uploadUrl: address(`uploads/${entry.id}`),
      parallelUploadUrls: null,
    },
  ]
}

function keys(): string[] {
  try {
    const own = ownKey(PREFIX)
    return Object.keys(localStorage).filter(
      (key) => key.startsWith(own) && !key.includes('/', own.length),
    )
  } catch {
    return []
  }
}

function read(key: string): Entry | null {
  try {
    const entry = JSON.parse(localStorage.getItem(key) ?? 'null') as Entry | null
    return typeof entry?.id === 'string' && typeof entry.since === 'number' ? entry : null
  } catch {
    return null
  }
}

function forgetKey(key: string): void {
  try {
    localStorage.removeItem(key)
  } catch {
    // then there is nothing to forget
  }
}

/** Uploads to the gateway, each with its own progress and its own error. Large ones can be resumed. */

import * as api from './api'
import type { FileGroup } from './file_groups'
import { guessedScan } from './mask_guess'
import type { Problem, Scan, UploadedMask } from './schemas'
import { discard, transfer } from './transfer'
import { forget } from './unfinished'

const MAX_PARALLEL = 2 // leaves connections free for the worklist
const LARGE_BYTES = 4 << 20 // smaller ones are sent in one request

export type UploadState = 'waiting' | 'sending' | 'checking' | 'ready' | 'refused'

export class Upload {
  state: UploadState = 'waiting'
  fraction = 0
  /** Whether the connection is broken at the moment; the upload goes on by itself. */
  interrupted = false
  /** Whether a part of it had arrived in an earlier attempt. */
  continued = false
  scan: Scan | null = null
  /** The gateway already had this scan. */
  known = false
  problem: Problem | null = null
  /** Problems of the other parts, when every scan of the upload was requested. */
  refused: Problem[] = []
  /** DICOM Segmentations that came with the scan. */
  masks: UploadedMask[] = []
  /** The scan that it is a mask of; null: it is a scan itself. */
  maskOf: Scan | null = null
  /** Whether the reader chose `maskOf`; else it is guessed, anew with each further file. */
  judged = false
  /** Why it is no mask of that scan. */
  maskProblem: Problem | null = null
  /** Query parameters: which of several scans to take, and whether to resample slices. */
  query: Record<string, string> = {}
  readonly abort = new AbortController()
  /** Id of an upload in parts, once the gateway knows of it. */
  id: string | null = null
  /** Whether all parts have arrived. */
  complete = false

  constructor(
    readonly name: string,
    readonly bytes: number,
    readonly files: File[],
  ) {}

  /** Whether it is sent in parts and can be continued. */
  get large(): boolean {
    return this.bytes > LARGE_BYTES
  }
}

export class Uploads {
  items: Upload[] = []
  /** How often the scans have changed: a row that says of which scan it is a mask depends on all. */
  changes = 0
  private ids = ''

  constructor(private readonly changed: () => void) {}

  private onChange(): void {
    const ids = this.everyScan.map(({ id }) => id).join()
    if (ids !== this.ids) {
      this.ids = ids
      this.changes += 1
      this.guessMasks()
    }
    this.changed()
  }

  /** The scans to segment. */
  get scans(): Scan[] {
    return this.items.flatMap(({ scan, maskOf }) =>
      scan === null || maskOf !== null ? [] : [scan],
    )
  }

  /** The scans, those that are masks included. */
  get everyScan(): Scan[] {
    return this.items.flatMap(({ scan }) => scan ?? [])
  }

  setMaskOf(item: Upload, scan: Scan | null): void {
    Object.assign(item, { maskOf: scan, judged: true, maskProblem: null })
    this.onChange()
  }

  refuseMask(item: Upload, problem: Problem): void {
    item.maskProblem = problem
    this.onChange()
  }

  private guessMasks(): void {
    const scans = this.everyScan
    for (const item of this.items) {
      if (item.maskOf !== null && !scans.includes(item.maskOf)) item.maskOf = null // was removed
      if (item.scan === null || item.judged) continue
      item.maskOf = guessedScan(item.scan, scans) ?? null
    }
  }

  add(groups: FileGroup[]): void {
    for (const { name, files } of groups) {
      const bytes = files.reduce((sum, file) => sum + file.size, 0)
      this.items.push(new Upload(name, bytes, files))
    }
    this.next()
    this.onChange()
  }

  /** Adds a scan that the gateway already has. */
  addKnown(scan: Scan): void {
    if (this.items.some((item) => item.scan?.id === scan.id)) return
    const item = new Upload(scan.name, scan.bytes, [])
    item.state = 'ready'
    item.scan = scan
    item.known = true
    this.items.push(item)
    this.onChange()
  }

  /** Takes an upload off the list; what has arrived of it is deleted. */
  remove(item: Upload): void {
    item.abort.abort()
    if (item.id !== null && item.scan === null) void discard(item.id)
    this.items = this.items.filter((other) => other !== item)
    this.next()
    this.onChange()
  }

  retry(item: Upload, query: Record<string, string> = {}): void {
    Object.assign(item.query, query)
    item.state = 'waiting'
    item.problem = null
    item.fraction = item.complete ? 1 : 0
    this.next()
    this.onChange()
  }

  private next(): void {
    const busy = this.items.filter((item) => item.state === 'sending' || item.state === 'checking')
    const waiting = this.items.filter((item) => item.state === 'waiting')
    for (const item of waiting.slice(0, Math.max(0, MAX_PARALLEL - busy.length)))
      void this.send(item)
  }

  private async send(item: Upload): Promise<void> {
    item.state = 'sending'
    try {
      const { scans, masks, refused, known } = await this.taken(item)
      item.refused = refused
      item.masks = masks
      if (item.id !== null) forget(item.id)
      this.settle(item, scans, known)
    } catch (error) {
      item.state = 'refused'
      item.interrupted = false
      item.problem = api.problemOf(error)
    }
    this.next()
    this.onChange()
  }

  private async taken(item: Upload): Promise<api.Taken> {
    const { signal } = item.abort
    if (!item.large) return api.upload(item.files, item.query, signal)
    const id = item.complete && item.id !== null ? item.id : await this.sent(item)
    item.state = 'checking'
    this.onChange()
    try {
      return await api.takeIn(id, item.query, signal)
    } catch (error) {
      if (api.problemOf(error).status === 404) item.complete = false // it has expired
      throw error
    }
  }

  /** Sends the parts that the gateway does not have; the id of the upload. */
  private async sent(item: Upload): Promise<string> {
    const name = item.name === item.files[0]!.name ? item.name : '' // else the list's own words
    const listener = {
      known: (id: string, continued: boolean) => Object.assign(item, { id, continued }),
      sent: (fraction: number) => {
        Object.assign(item, { fraction, interrupted: false })
        this.onChange()
      },
      interrupted: () => {
        item.interrupted = true
        this.onChange()
      },
    }
    const id = await transfer(item.files, name, listener, item.abort.signal)
    item.complete = true
    return id
  }

  /** Lists each scan once; several scans of an upload get a line each. */
  private settle(item: Upload, scans: Scan[], known: boolean): void {
    const listed = new Set(this.items.map((other) => other.scan?.id))
    const [first, ...rest] = scans.filter((scan) => !listed.has(scan.id))
    const before = this.items.find((other) => scans.some(({ id }) => id === other.scan?.id))
    if (first === undefined && before !== undefined) before.masks = joined(before, item)
    if (first === undefined) {
      this.items = this.items.filter((other) => other !== item)
      return
    }
    Object.assign(item, { state: 'ready', scan: first, known })
    for (const scan of rest) {
      const other = new Upload(scan.name, scan.bytes, [])
      Object.assign(other, { state: 'ready', scan, known })
      this.items.push(other)
    }
  }
}

/** The masks of both, each job once: the same files may have been added again. */
function joined(before: Upload, item: Upload): UploadedMask[] {
  const jobs = new Set(before.masks.map(({ job }) => job))
  return [...before.masks, ...item.masks.filter(({ job }) => job === null || !jobs.has(job))]
}

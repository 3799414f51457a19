/** Uploads to the gateway, each with its own progress and its own error. */

import * as api from './api'
import type { FileGroup } from './file_groups'
import type { Problem, Scan } from './schemas'

const MAX_PARALLEL = 2 // leaves connections free for the worklist

export type UploadState = 'waiting' | 'sending' | 'checking' | 'ready' | 'refused'

export class Upload {
  state: UploadState = 'waiting'
  fraction = 0
  scan: Scan | null = null
  /** The gateway already had this scan. */
  known = false
  problem: Problem | null = null
  /** Problems of the other parts, when every scan of the upload was requested. */
  refused: Problem[] = []
  /** Query parameters: which of several scans to take, and whether to resample slices. */
  query: Record<string, string> = {}
  readonly abort = new AbortController()

  constructor(
    readonly name: string,
    readonly bytes: number,
    readonly files: File[],
  ) {}
}

export class Uploads {
  items: Upload[] = []

  constructor(private readonly onChange: () => void) {}

  get scans(): Scan[] {
    return this.items.flatMap((item) => (item.scan === null ? [] : [item.scan]))
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

  remove(item: Upload): void {
    item.abort.abort()
    this.items = this.items.filter((other) => other !== item)
    this.next()
    this.onChange()
  }

  retry(item: Upload, query: Record<string, string> = {}): void {
    Object.assign(item.query, query)
    item.state = 'waiting'
    item.problem = null
    item.fraction = 0
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
      const { scans, refused, known } = await api.upload(
        item.files,
        item.query,
        (fraction) => {
          item.fraction = fraction
          item.state = fraction < 1 ? 'sending' : 'checking'
          this.onChange()
        },
        item.abort.signal,
      )
      item.refused = refused
      this.settle(item, scans, known)
    } catch (error) {
      item.state = 'refused'
      item.problem = api.problemOf(error)
    }
    this.next()
    this.onChange()
  }

  /** Lists each scan once; several scans of an upload get a line each. */
  private settle(item: Upload, scans: Scan[], known: boolean): void {
    const listed = new Set(this.items.map((other) => other.scan?.id))
    const [first, ...rest] = scans.filter((scan) => !listed.has(scan.id))
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

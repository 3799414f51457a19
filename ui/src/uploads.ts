/** Files on their way to the gateway, each with its own progress and its own failure. */

import * as api from './api'
import type { Parcel } from './gather'
import type { Problem, Scan } from './wire'

const AT_ONCE = 2 // leaves connections free for the worklist

export type UploadState = 'waiting' | 'sending' | 'checking' | 'ready' | 'refused'

export class Upload {
  state: UploadState = 'waiting'
  fraction = 0
  scan: Scan | null = null
  /** The gateway had this very scan already. */
  known = false
  problem: Problem | null = null
  /** What else made no scan, where a scan was made of each. */
  refused: Problem[] = []
  /** Which of several scans is meant, and whether tilted slices may be resampled. */
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

  add(parcels: Parcel[]): void {
    for (const { name, files } of parcels) {
      const bytes = files.reduce((sum, file) => sum + file.size, 0)
      this.items.push(new Upload(name, bytes, files))
    }
    this.next()
    this.onChange()
  }

  /** A scan that is with the gateway already. */
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

  again(item: Upload, query: Record<string, string> = {}): void {
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
    for (const item of waiting.slice(0, Math.max(0, AT_ONCE - busy.length))) void this.send(item)
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

  /** The same scan twice in the list is one scan; of several, each gets a line of its own. */
  private settle(item: Upload, scans: Scan[], known: boolean): void {
    const here = new Set(this.items.map((other) => other.scan?.id))
    const [first, ...rest] = scans.filter((scan) => !here.has(scan.id))
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

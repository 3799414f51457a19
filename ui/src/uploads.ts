/** Files on their way to the gateway, each with its own progress and its own failure. */

import * as api from './api'
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
  readonly abort = new AbortController()

  constructor(
    readonly name: string,
    readonly bytes: number,
    readonly file: File | null,
  ) {}
}

export class Uploads {
  items: Upload[] = []

  constructor(private readonly onChange: () => void) {}

  get scans(): Scan[] {
    return this.items.flatMap((item) => (item.scan === null ? [] : [item.scan]))
  }

  add(files: Iterable<File>): void {
    for (const file of files) this.items.push(new Upload(file.name, file.size, file))
    this.next()
    this.onChange()
  }

  /** A scan that is with the gateway already. */
  addKnown(scan: Scan): void {
    if (this.items.some((item) => item.scan?.id === scan.id)) return
    const item = new Upload(scan.name, scan.bytes, null)
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

  again(item: Upload): void {
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
      const { scan, known } = await api.upload(
        item.file!,
        (fraction) => {
          item.fraction = fraction
          item.state = fraction < 1 ? 'sending' : 'checking'
          this.onChange()
        },
        item.abort.signal,
      )
      this.settle(item, scan, known)
    } catch (error) {
      item.state = 'refused'
      item.problem = api.problemOf(error)
    }
    this.next()
    this.onChange()
  }

  /** The same scan twice in the list is one scan. */
  private settle(item: Upload, scan: Scan, known: boolean): void {
    if (this.items.some((other) => other.scan?.id === scan.id)) {
      this.items = this.items.filter((other) => other !== item)
      return
    }
    Object.assign(item, { state: 'ready', scan, known })
  }
}

/** Orders operations from the worker, one at a time. */

import { ApiError } from '../requests'
import type { Problem } from '../schemas'
import type { LabelVolume, VoxelBox } from './labels'
import { cropped, uncropped } from './operations/crop'
import type { Order, Outcome } from './operations/orders'
import type { Answer, Request } from './operations_worker'

const FAILED: Problem = {
  title: 'The step was not finished',
  status: 0,
  detail: 'The browser ended it, probably for lack of memory. Nothing was changed.',
  expected: '',
  hint: 'Close other windows, or use the tool on a smaller part.',
}

/** A part of the labels, and what is done with it. Places in the order are those of the part. */
export interface Task {
  box: VoxelBox
  slot: number
  order: Order
}

export interface Running {
  /** Edits of the whole grid; null if it was cancelled. */
  outcome: Promise<Outcome | null>
  cancel: () => void
}

export class Background {
  private worker: Worker | null = null
  private id = 0
  private stop: (() => void) | null = null

  /** Cancels the task before it, if that still runs. */
  run(volume: LabelVolume, { box, slot, order }: Task): Running {
    this.stop?.()
    const id = ++this.id
    const part = cropped(volume, box)
    const outcome = new Promise<Outcome | null>((resolve, reject) => {
      const worker = (this.worker ??= this.start())
      this.stop = () => {
        this.end()
        resolve(null)
      }
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.id !== id) return
        this.stop = null
        resolve({ ...data.outcome, edits: uncropped(data.outcome.edits, box, volume.dims) })
      }
      worker.onerror = (event) => {
        event.preventDefault()
        this.end()
        reject(new ApiError(FAILED))
      }
      const request: Request = { id, volume: part, slot, order }
      worker.postMessage(request, [part.data.buffer as ArrayBuffer])
    })
    const cancel = (): void => {
      if (id === this.id) this.stop?.()
    }
    return { outcome, cancel }
  }

  private start(): Worker {
    // the bundler finds workers by this form alone
    return new Worker(new URL('./operations_worker.ts', import.meta.url), { type: 'module' })
  }

  /** A thread that computes does not listen: it is ended, and the next task gets another one. */
  private end(): void {
    this.worker?.terminate()
    this.worker = null
    this.stop = null
  }
}

/** Orders the surfaces of a mask from the worker, and keeps what is known about them. */

import type { Point } from '../schemas'
import type { Colour4 } from './legend'
import { extremesOf, type Labels, type Placement, type Surface } from './surface_maker'
import type { Answer, Order } from './surface_worker'

/** Where a surface is. */
export interface Bounds {
  group: number
  /** Corners of the box around it, in the scene. */
  low: Point
  high: Point
  triangles: number
}

export interface SurfaceEvents {
  ready: (surface: Surface) => void
  /** All are there. */
  done: () => void
  failed: () => void
}

export class Surfaces {
  readonly bounds: Bounds[] = []
  /** Voxels that one cell stands for, in the coarsest surface. */
  reduction = 1
  /** Whether no more will come: all are there, or the worker failed. */
  ended = false
  private readonly worker: Worker

  constructor(labels: Labels, placement: Placement, events: SurfaceEvents) {
    this.worker = new Worker(new URL('./surface_worker.ts', import.meta.url), { type: 'module' })
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ('count' in data) {
        this.end()
        events.done()
      } else {
        this.note(data)
        events.ready(data)
      }
    }
    this.worker.onerror = (event) => {
      event.preventDefault()
      this.end()
      events.failed()
    }
    const order: Order = { labels, placement }
    this.worker.postMessage(order)
  }

  stop(): void {
    this.worker.terminate()
  }

  private end(): void {
    this.stop()
    this.ended = true
  }

  private note({ group, points, polys, reduction }: Surface): void {
    const [low, high] = extremesOf(points)
    this.bounds.push({ group, low, high, triangles: polys.length / 4 })
    this.reduction = Math.max(this.reduction, reduction)
  }
}

/**
 * The surface to which each slot belongs, for the colours by slot: one surface for each label, and
 * for numbered objects, of which there may be thousands, one for each colour.
 */
export function groupsOf(colours: readonly Colour4[], instances: boolean): Uint8Array {
  const groups = new Uint8Array(256)
  const known = new Map<string, number>()
  colours.forEach((colour, slot) => {
    if (slot === 0) return
    const key = instances ? String(colour.slice(0, 3)) : String(slot)
    if (!known.has(key)) known.set(key, slot)
    groups[slot] = known.get(key)!
  })
  return groups
}

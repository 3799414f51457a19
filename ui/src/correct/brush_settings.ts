/** The size of the brush, which the browser remembers, and whether tools work in 3D. */

import { recall, remember } from '../preferences'
import type { LabelVolume } from './labels'
import { limited, resized } from './size'

const RADIUS = 'brush-radius' // preference

export interface SettingEvents {
  changed: () => void
  say: (text: string, warns?: boolean) => void
}

export class BrushSettings {
  /** In mm (in pixels of an image without a size). */
  radius: number
  /** Of this correction alone: the next scan begins on the slice again. */
  private inDepth = false

  constructor(
    private readonly volume: LabelVolume,
    private readonly events: SettingEvents,
  ) {
    this.radius = limited(Number(recall(RADIUS, '')) || 8 * this.finest, this.finest)
  }

  /** Whether there is one slice only. */
  get flat(): boolean {
    return this.volume.dims[2] === 1
  }

  get ball(): boolean {
    return this.inDepth
  }

  setBall(on: boolean): void {
    if (this.flat) return
    this.inDepth = on
    this.events.say(on ? 'Painting in 3D.' : 'Painting on the slice.')
    this.events.changed()
  }

  /** The smallest side of a voxel, in mm. */
  get finest(): number {
    const { spacing, dims } = this.volume
    return Math.min(...spacing.filter((_, axis) => dims[axis]! > 1 || axis < 2))
  }

  resize(steps: number): void {
    this.setRadius(resized(this.radius, steps, this.finest))
  }

  setRadius(radius: number): void {
    this.radius = limited(radius, this.finest)
    remember(RADIUS, String(this.radius))
    this.events.changed()
  }
}

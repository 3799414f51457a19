/** The size of the brush, and whether it is a ball. The browser remembers both. */

import { recall, remember } from '../preferences'
import type { LabelVolume } from './labels'
import { limited, resized } from './size'

const RADIUS = 'brush-radius' // preferences
const BALL = 'brush-ball'

export interface SettingEvents {
  changed: () => void
  say: (text: string) => void
}

export class BrushSettings {
  /** In mm (in pixels of an image without a size). */
  radius: number

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
    return !this.flat && recall(BALL, 'false') === 'true'
  }

  setBall(on: boolean): void {
    if (this.flat) return
    remember(BALL, String(on))
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

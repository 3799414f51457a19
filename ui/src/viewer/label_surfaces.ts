/** The mask in 3D: its surfaces, in the colours of the legend. */

import type { Point } from '../schemas'
import type { Half } from './clip'
import { plus } from './geometry'
import type { Colour4, Legend } from './legend'
import type { Ball, Orbit } from './orbit'
import type { SurfaceBox } from './port'
import { firstShown } from './ray'
import type { Scan } from './scan'
import { groupsOf, Surfaces } from './surfaces'
import type { VolumeScene } from './volume_scene'

const SMALLEST = 5 // mm: the radius of what is looked at

export interface LabelEvents {
  /** A surface was added. */
  more: () => void
  done: () => void
  failed: () => void
}

export class LabelSurfaces {
  private colours: Colour4[] = []
  private visible = true
  private surfaces: Surfaces | null = null
  private mask: { slots: Uint8Array; legend: Legend } | null = null
  /** Groups of surfaces on screen that are older than the labels. */
  private old = new Set<number>()

  constructor(
    private readonly scene: VolumeScene,
    private readonly events: LabelEvents,
  ) {}

  get any(): boolean {
    return this.mask !== null
  }

  get waiting(): boolean {
    return this.surfaces !== null && !this.surfaces.ended
  }

  /** Voxels that one cell stands for, in the coarsest surface. */
  get reduction(): number {
    return this.surfaces?.reduction ?? 1
  }

  /** In RAS+ mm. */
  get boxes(): SurfaceBox[] {
    return (this.surfaces?.bounds ?? []).map(({ group, low, high, triangles }) => ({
      value: this.mask!.legend.valueOf(group),
      low: [-high[0], -high[1], low[2]],
      high: [-low[0], -low[1], high[2]],
      triangles,
    }))
  }

  setMask(slots: Uint8Array, legend: Legend): void {
    this.surfaces?.stop()
    this.surfaces = null
    this.scene.removeSurfaces()
    this.old.clear()
    this.mask = { slots, legend }
    this.recolour()
  }

  /** The labels changed: surfaces are made again, and replace the old ones. False without any. */
  update(): boolean {
    if (this.surfaces === null) return false
    for (const { group } of this.surfaces.bounds) this.old.add(group)
    this.surfaces.stop()
    this.surfaces = null
    return true
  }

  stop(): void {
    this.surfaces?.stop()
  }

  clear(): void {
    this.stop()
    this.surfaces = null
    this.old.clear()
    this.mask = null
    this.colours = []
  }

  recolour(): void {
    this.colours = this.mask?.legend.colours() ?? []
    this.scene.recolour((group) => this.colourOf(group))
  }

  show(visible: boolean): void {
    this.visible = visible
    this.scene.recolour((group) => this.colourOf(group))
  }

  private colourOf(group: number): Colour4 {
    const [red, green, blue, opacity] = this.colours[group] ?? [0, 0, 0, 0]
    return [red, green, blue, this.visible ? opacity : 0]
  }

  /** Makes the surfaces, if that has not begun. */
  make({ space, drawn: { dims } }: Scan): void {
    if (this.mask === null || this.surfaces !== null) return
    const { slots, legend } = this.mask
    const labels = { slots, dims, groups: groupsOf(this.colours, legend.instances) }
    const placement = {
      origin: space.toScene([0, 0, 0]),
      directions: space.directions,
      spacing: space.spacing.map((mm, axis) => mm * space.step[axis]!) as Point,
    }
    this.surfaces = new Surfaces(labels, placement, {
      ready: (surface) => {
        if (!this.scene.open) return
        if (this.old.delete(surface.group)) this.scene.removeSurface(surface.group)
        this.scene.addSurface(surface, this.colourOf(surface.group))
        this.events.more()
      },
      done: () => {
        for (const group of this.old) this.scene.removeSurface(group) // no voxel has the label
        this.old.clear()
        this.events.done()
      },
      failed: this.events.failed,
    })
  }

  /** What surrounds all surfaces; null without any. */
  get ball(): Ball | null {
    const bounds = this.surfaces?.bounds ?? []
    if (bounds.length === 0) return null
    const low = [0, 1, 2].map((n) => Math.min(...bounds.map((one) => one.low[n]!))) as Point
    const high = [0, 1, 2].map((n) => Math.max(...bounds.map((one) => one.high[n]!))) as Point
    const across = plus(high, low, -1)
    const radius = Math.max(SMALLEST, 0.55 * Math.hypot(...across))
    return { middle: plus(low, across, 0.5), radius }
  }

  /** The voxel of a shown label that is drawn at a point of the plane through the focus. */
  hit({ space, drawn: { dims } }: Scan, at: Point, orbit: Orbit, halves: Half[]): Point | null {
    if (this.mask === null) return null
    const diameter = Math.hypot(...space.directions.map((one) => space.extent(one)))
    return firstShown(
      { slots: this.mask.slots, dims, space },
      (slot) => slot !== 0 && this.colourOf(slot)[3] > 0,
      halves,
      at,
      orbit.normal,
      Math.hypot(...plus(at, space.middle, -1)) + diameter,
    )
  }
}

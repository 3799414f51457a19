/** The scan on screen: its grid, and how it gets into the library. */

import { type RenderingEngine, setVolumesForViewports, type Types } from '@cornerstonejs/core'
import type { Point } from '../schemas'
import type { DrawnMask } from './drawn_mask'
import { indexOf, toWorld } from './geometry'
import type { Legend } from './legend'
import { addImage, addVolume, discard, drawable, updateImage, upsideDown } from './library'
import { MaskLayer } from './mask_layer'
import { type Grid, thinned, uncoloured } from './nifti'
import type { Readout, Start } from './port'
import { Space } from './space'
import { type Statistics, statisticsOf } from './voi'

export class Scan {
  readonly space: Space
  readonly statistics: Statistics
  /** The scan as it is drawn: a grey image that is stored in colours has a window, too. */
  private readonly seen: Grid
  /** Of the drawn voxels. */
  private readonly dims: Types.Point3
  /** What is drawn: values in a type that the library can draw. */
  drawn: { data: ReturnType<typeof drawable>; dims: Point }
  /** How many masks were drawn. */
  private masks = 0
  /** Number of viewers that show it. */
  private viewers = 0

  constructor(
    readonly opening: Start,
    readonly grid: Grid,
    /** Whether it is an image: one plane, drawn as a stack. */
    readonly flat: boolean,
    largestTexture: number,
    readonly id: string,
  ) {
    const step = grid.dims.map((n) => Math.ceil(n / largestTexture)) as Point
    this.space = flat ? Space.ofImage(grid, step) : Space.ofVolume(grid, step)
    this.dims = grid.dims.map((n, axis) => Math.ceil(n / step[axis]!)) as Types.Point3
    this.drawn = { data: new Uint8Array(), dims: this.dims }
    this.seen = uncoloured(grid)
    this.statistics = statisticsOf(this.seen.data, grid.slope, grid.intercept, opening.ct)
  }

  get colour(): boolean {
    return this.seen.components === 3
  }

  /** How many voxels one drawn voxel represents, along the most reduced axis. */
  get reduction(): number {
    return Math.max(...this.space.step)
  }

  /** The voxel in the middle. */
  get start(): Point {
    const middle = this.dims.map((n, axis) => Math.floor(n / 2) * this.space.step[axis]!)
    return this.space.nearest(middle as Point)
  }

  /** Whether image pixels have no size in mm. */
  get unsized(): boolean {
    return this.flat && this.space.spacing[0] === 1 && this.space.spacing[1] === 1
  }

  /** Shows the scan in viewports of the engine: those of a viewer. */
  async load(engine: RenderingEngine, viewports: string[]): Promise<void> {
    const { id } = this
    this.viewers += 1
    if (this.viewers === 1) this.add()
    if (this.flat) await (engine.getViewport(viewports[0]!) as Types.IStackViewport).setStack([id])
    else await setVolumesForViewports(engine, [{ volumeId: id }], viewports)
  }

  /** A viewer no longer shows the scan; the last one frees its memory. */
  leave(engine: RenderingEngine): void {
    this.viewers -= 1
    if (this.viewers > 0) return
    for (const copy of ['', '-mean', '-largest']) discard(engine, this.id + copy)
  }

  private add(): void {
    const { id, dims, space } = this
    const data = drawable(this.reduced(this.seen))
    if (this.flat) {
      addImage(id, space, dims, upsideDown(data, dims[0] * this.seen.components))
    } else {
      addVolume(id, space, dims, data)
      this.drawn = { data, dims }
    }
  }

  /** The legend's slot of each drawn voxel of a mask on the same grid. */
  slotsOf(labels: Grid, legend: Legend): Uint8Array {
    return legend.slotsOf(this.reduced(labels).data)
  }

  /**
   * Draws the slots of a mask over the scan, in the viewports of a viewer. Each mask has a name of
   * its own: the library would show the earlier one of the same name.
   */
  addMask(viewports: string[], slots: Uint8Array, legend: Legend): MaskLayer {
    const { id, dims, space } = this
    this.masks += 1
    const name = `${id}-mask-${this.masks}`
    if (this.flat) {
      addImage(name, space, dims, upsideDown(slots, dims[0]), id)
      const source = { imageIds: [name], referencedImageIds: [id] }
      return MaskLayer.add(source, viewports, legend.colours())
    }
    addVolume(name, space, dims, slots)
    const source = { volumeId: name, referencedVolumeId: id }
    return MaskLayer.add(source, viewports, legend.colours())
  }

  /** Brings changed slots of a mask on screen to what the library draws. */
  updateMask(slots: Uint8Array, { source }: MaskLayer): void {
    if (this.flat) updateImage(source, slots, this.dims[0])
  }

  /** The values at a voxel. */
  readout(voxel: Point, mask: DrawnMask | null): Readout {
    const { data, components, dims, affine, slope, intercept } = this.seen
    const index = indexOf(voxel, dims)
    const stored = [...data.subarray(components * index, components * (index + 1))]
    return {
      world: toWorld(affine, voxel),
      voxel,
      values: stored.map((value) => value * slope + intercept),
      label: mask?.valueAt(voxel) ?? 0,
    }
  }

  private reduced(grid: Grid): Grid {
    return this.reduction === 1 ? grid : thinned(grid, this.space.step)
  }
}

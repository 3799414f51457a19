/** Shows a scan, and a mask over it, on one canvas. */

import { NVImage, SLICE_TYPE } from '@niivue/niivue'
import type { Point } from '../schemas'
import { bordersOf } from './borders'
import { indexOf, toVoxel, toWorld } from './geometry'
import type { Legend } from './legend'
import { decode, encode, type Grid, RGB24, thinned } from './nifti'
import { Scene } from './scene'

export type View = 'planes' | 'axial' | 'coronal' | 'sagittal' | 'solid'

/** The values under the crosshair. */
export interface Readout {
  world: Point
  /** Index into the stored volume. */
  voxel: Point
  /** One number, three for an RGB image, none outside the scan. */
  values: number[]
  /** The mask's value; 0 without a mask. */
  label: number
}

/** Where a point is drawn: CSS pixels from the window's upper left. */
export interface ScreenPoint {
  plane: 'axial' | 'coronal' | 'sagittal'
  x: number
  y: number
}

const TYPES: Record<View, SLICE_TYPE> = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  solid: SLICE_TYPE.RENDER,
}
const CLIPPED = 0.003 // fraction of the brightest and of the darkest voxels, drawn white and black
const PLANES = ['axial', 'coronal', 'sagittal'] as const

export class Viewer {
  private base: Grid | null = null
  private mask: Grid | null = null
  private legend: Legend | null = null
  private step: [number, number, number] = [1, 1, 1]
  private flat = false
  private outlined = false
  /** Number of calls of `show` and `clear`: a call that finds it changed is outdated. */
  private turn = 0

  private constructor(
    private readonly scene: Scene,
    private readonly canvas: HTMLCanvasElement,
    onReadout: (readout: Readout) => void,
  ) {
    scene.onLocationChange = (location) => {
      const readout = this.readout((location as { mm: ArrayLike<number> }).mm)
      if (readout !== null) onReadout(readout)
    }
    canvas.addEventListener('contextmenu', (event) => event.preventDefault())
    canvas.parentElement!.addEventListener('wheel', (event) => this.wheel(event), {
      capture: true,
      passive: false,
    })
  }

  /** Throws if the browser has no WebGL 2. */
  static async on(
    canvas: HTMLCanvasElement,
    onReadout: (readout: Readout) => void,
  ): Promise<Viewer> {
    if (document.createElement('canvas').getContext('webgl2') === null) {
      throw new Error('This browser has no WebGL 2.')
    }
    const scene = new Scene()
    await scene.attachToCanvas(canvas)
    return new Viewer(scene, canvas, onReadout)
  }

  /**
   * Shows a volume, or an image as a single plane, and removes any earlier mask. False if another
   * scan was shown, or all was cleared, before it was ready.
   */
  async show(file: ArrayBuffer, dimension: 2 | 3): Promise<boolean> {
    this.clear()
    const turn = this.turn
    const grid = decode(file)
    this.step = this.stepFor(grid)
    const fits = this.step.every((n) => n === 1)
    const shown = fits ? file : this.reduced(grid)
    const image = await NVImage.loadFromUrl({
      url: 'scan.nii',
      buffer: shown,
      percentileFrac: CLIPPED,
    })
    if (turn !== this.turn) return false
    this.scene.addVolume(image)
    this.base = grid
    this.flat = dimension === 2
    this.scene.opts.isRadiologicalConvention = !this.flat
    this.scene.opts.isOrientationTextVisible = !this.flat
    this.scene.scene.crosshairPos = this.scene.mm2frac(this.middle())
    this.resetZoom()
    this.scene.createOnLocationChange()
    return true
  }

  /** Whether the crosshair is where it was when the scan was shown. */
  get untouched(): boolean {
    if (this.base === null) return false
    const middle = this.scene.mm2frac(this.middle())
    const at = this.scene.scene.crosshairPos
    return [0, 1, 2].every((axis) => Math.abs(at[axis]! - middle[axis]!) < 1e-6)
  }

  /** Draws a mask on the same grid over the scan; false as for `show`. */
  async overlay(file: ArrayBuffer, legend: Legend): Promise<boolean> {
    const turn = this.turn
    const grid = decode(file)
    if (this.base === null || grid.dims.some((n, axis) => n !== this.base!.dims[axis])) {
      throw new Error('The mask is not on the grid of this scan.')
    }
    this.removeMask()
    this.mask = grid
    this.legend = legend
    const image = await NVImage.loadFromUrl({ url: 'mask.nii', buffer: this.painted() })
    if (turn !== this.turn) return false
    image.setColormapLabel(legend.colourMap())
    this.scene.addVolume(image)
    this.scene.createOnLocationChange()
    return true
  }

  clear(): void {
    this.turn += 1
    this.removeMask()
    this.base = null
    for (const volume of [...this.scene.volumes]) this.scene.removeVolume(volume)
  }

  /** Opacity of the mask, 0..1. */
  set opacity(value: number) {
    this.scene.overlayAlphaShader = value
    this.scene.drawScene()
  }

  set view(view: View) {
    this.scene.setSliceType(TYPES[this.flat ? 'axial' : view])
  }

  /** Draws only the outline of the mask. */
  set outline(on: boolean) {
    this.outlined = on
    if (this.mask === null) return
    const image = this.scene.volumes[1]!
    image.img = new Uint8Array(this.painted().slice(-image.img!.length))
    this.scene.refreshLayers(image, 1)
    this.scene.drawScene()
  }

  /** Draws the mask again after labels were shown or hidden. */
  recolour(): void {
    const image = this.scene.volumes[1]
    if (image === undefined || this.legend === null) return
    image.setColormapLabel(this.legend.colourMap())
    this.scene.refreshLayers(image, 1)
    this.scene.drawScene()
  }

  /** How many voxels of the scan one drawn voxel represents, along the most reduced axis. */
  get reduction(): number {
    return Math.max(...this.step)
  }

  /** Rows of the image, or of a volume's slice, as stored. */
  get rows(): number {
    return this.base?.dims[1] ?? 1
  }

  /** Moves the crosshair to a point in RAS+ mm. */
  jump(world: Point): void {
    if (this.base === null) return
    this.scene.scene.crosshairPos = this.scene.mm2frac(world)
    this.scene.drawScene()
    this.scene.createOnLocationChange()
  }

  /** The pixel (row, column) of an image in RAS+ mm; its last row is at j = 0 of the volume. */
  worldOfPixel(row: number, column: number): Point | null {
    if (this.base === null) return null
    const [si, sj] = this.step
    return toWorld(this.affine(), [column / si, (this.rows - 1 - row) / sj, 0])
  }

  /** One slice forward (or back) in the only visible plane, or in the axial plane of several. */
  scroll(direction: 1 | -1): void {
    const type = this.scene.opts.sliceType
    const axis = type === SLICE_TYPE.SAGITTAL ? 0 : type === SLICE_TYPE.CORONAL ? 1 : 2
    const move = [0, 0, 0]
    move[axis] = direction
    this.scene.moveCrosshairInVox(move[0]!, move[1]!, move[2]!)
  }

  zoom(factor: number): void {
    this.zoomAround(factor, this.scene.frac2mm(this.scene.scene.crosshairPos))
  }

  resetZoom(): void {
    this.scene.scene.pan2Dxyzmm = [0, 0, 0, 1]
    this.scene.drawScene()
  }

  resetWindow(): void {
    const image = this.scene.volumes[0]
    if (image === undefined) return
    image.cal_min = image.robust_min!
    image.cal_max = image.robust_max!
    this.scene.updateGLVolume()
  }

  /** Where a point (RAS+ mm) is drawn, in each plane on screen that contains it. */
  project(world: Point): ScreenPoint[] {
    if (this.base === null) return []
    const frac = this.scene.mm2frac(world)
    const page = this.canvas.getBoundingClientRect()
    const scale = this.canvas.width / page.width
    return PLANES.flatMap((plane, type) => {
      const hit = this.scene.frac2canvasPosWithTile(frac, type)
      if (hit === null || this.scene.screenSlices[hit.tileIndex]?.axCorSag !== type) return []
      return [{ plane, x: page.left + hit.pos[0]! / scale, y: page.top + hit.pos[1]! / scale }]
    })
  }

  private readout(mm: ArrayLike<number>): Readout | null {
    if (this.base === null || this.scene.volumes.length === 0) return null
    const world: Point = [mm[0]!, mm[1]!, mm[2]!]
    const near = toVoxel(this.affine(), world)
    const voxel = near.map((n, axis) => n * this.step[axis]!) as Point
    const index = indexOf(voxel, this.base.dims)
    return {
      world,
      voxel,
      values: this.valuesAt(index),
      label: index < 0 ? 0 : (this.mask?.data[index] ?? 0),
    }
  }

  private valuesAt(index: number): number[] {
    if (index < 0 || this.base === null) return []
    const { data, datatype } = this.base
    if (datatype === RGB24) return [...data.subarray(3 * index, 3 * index + 3)]
    const header = this.scene.volumes[0]!.hdr!
    const slope = header.scl_slope || 1
    return [data[index]! * slope + (header.scl_inter || 0)]
  }

  private middle(): Point {
    const { dims } = this.base!
    return toWorld(
      this.affine(),
      dims.map((n, axis) => Math.floor(n / this.step[axis]! / 2)) as Point,
    )
  }

  private affine(): number[][] {
    return this.scene.volumes[0]!.hdr!.affine
  }

  private removeMask(): void {
    const image = this.scene.volumes[1]
    if (image !== undefined) this.scene.removeVolume(image)
    this.mask = null
    this.legend = null
  }

  /** The reduction that fits the graphics card's limit on texture size, per axis. */
  private stepFor(grid: Grid): [number, number, number] {
    const most = this.scene.uiData.max3D || 2048
    return grid.dims.map((n) => Math.ceil(n / most)) as [number, number, number]
  }

  private reduced(grid: Grid): ArrayBuffer {
    const small = thinned(grid, this.step)
    return encode(small, new Uint8Array(small.data.buffer), small.datatype)
  }

  private painted(): ArrayBuffer {
    const small = this.reduction === 1 ? this.mask! : thinned(this.mask!, this.step)
    const slots = this.legend!.slotsOf(small.data)
    return encode(small, this.outlined ? bordersOf(small, slots) : slots)
  }

  /** Scrolls through a volume; with Ctrl, and for an image always, zooms at the pointer. */
  private wheel(event: WheelEvent): void {
    if (!(this.flat || event.ctrlKey) || this.base === null) return
    event.preventDefault()
    event.stopPropagation()
    const page = this.canvas.getBoundingClientRect()
    const scale = this.canvas.width / page.width
    const at = [(event.clientX - page.left) * scale, (event.clientY - page.top) * scale]
    const frac = this.scene.canvasPos2frac(at)
    const inside = frac[0]! >= 0
    this.zoomAround(
      event.deltaY < 0 ? 1.15 : 1 / 1.15,
      this.scene.frac2mm(inside ? frac : this.scene.scene.crosshairPos),
    )
  }

  /** Zooms and keeps the point in place: its screen position is world * zoom + pan. */
  private zoomAround(factor: number, world: ArrayLike<number>): void {
    const [x, y, z, old] = this.scene.scene.pan2Dxyzmm as unknown as [
      number,
      number,
      number,
      number,
    ]
    const zoom = Math.min(40, old * factor)
    if (zoom <= 1.001) {
      this.resetZoom()
      return
    }
    const pan = [x, y, z].map((p, axis) => p + (old - zoom) * world[axis]!)
    this.scene.scene.pan2Dxyzmm = [pan[0]!, pan[1]!, pan[2]!, zoom]
    this.scene.drawScene()
  }
}

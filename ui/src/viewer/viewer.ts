/** The viewer on Cornerstone3D: panes that share one look at one scan and its mask. */

import type { RenderingEngine, Types } from '@cornerstonejs/core'
import { element } from '../element'
import type { Point } from '../schemas'
import { Camera, type Look } from './camera'
import { drawingSurfaceOf, pointOf, stepped } from './drawing_surface'
import { DrawnMask } from './drawn_mask'
import { PLANES, plus, scaled, toVoxel, toWorld } from './geometry'
import { type Gestures, listen } from './gestures'
import { GreyValues } from './grey_values'
import type { Legend } from './legend'
import { discard, largestTextures, purge, startEngine } from './library'
import { MaskEdits } from './mask_edits'
import { MaskLayer } from './mask_layer'
import { decode, type Grid } from './nifti'
import { Pane, planeOf } from './pane'
import { isPair, isPlane, isSingle, panesOf } from './panes'
import type {
  At,
  DrawingSurface,
  Gaze,
  LabelsOnScreen,
  MaskStyle,
  Plane,
  ScreenPoint,
  Start,
  SurfaceBox,
  View,
  Viewer,
  ViewerEvents,
} from './port'
import { Scan } from './scan'
import { enableSlices, type SliceViewport, slicesOf } from './slice_viewports'
import type { Orientation, Space } from './space'
import { type Window, windowText } from './voi'
import { VoiShape } from './voi_shape'
import { VolumeView } from './volume_view'

const MOST_ZOOM = 60

/** Throws if the browser cannot draw. `name` sets the viewer apart from others on the page. */
export function openViewer(root: HTMLElement, events: ViewerEvents, name = ''): Viewer {
  const textures = largestTextures()
  return new PlanarViewer(root, startEngine(events.lost), textures, events, name)
}

class PlanarViewer implements Viewer {
  private readonly panes: Pane[]
  private readonly volume: VolumeView
  private scan: Scan | null = null
  private drawnMask: DrawnMask | null = null
  private readonly edits = new MaskEdits(
    (slices) => this.drawEdits(slices),
    () => this.editsRest(),
  )
  private layer: MaskLayer | null = null
  private look: Look = { point: [0, 0, 0], centre: [0, 0, 0], zoom: 1 }
  private voxel: Point = [0, 0, 0]
  /** Where the crosshair of another viewer is, in the scene; null: in the middle of a voxel. */
  private followed: Point | null = null
  private beside: Space | null = null
  active: Plane = 'axial'
  private layout: View = 'planes'
  /** The last view of several planes. */
  private several: View = 'planes'
  private style: MaskStyle = { visible: true, fill: 0.5, outline: false }
  private readonly shape = new VoiShape()
  private readonly grey = new GreyValues({
    range: (voiRange, window) => {
      if (window !== null) this.shape.set(window, this.viewports, this.grey.inverted)
      this.display({ voiRange })
    },
    inverted: (invert) => this.display({ invert }),
  })
  /** Number of calls of `show` and `clear`: a call that finds it changed is outdated. */
  private turn = 0

  constructor(
    private readonly root: HTMLElement,
    private readonly engine: RenderingEngine,
    private readonly textures: [number, number],
    private readonly events: ViewerEvents,
    private readonly name: string,
  ) {
    this.panes = [...PLANES, 'image' as const].map((plane) => new Pane(plane, name))
    const volumeEvents = {
      jump: (voxel: Point) => this.pointAt(voxel),
      maximise: () => events.view(this.layout === 'volume' ? this.several : 'volume'),
      window: (dx: number, dy: number) => this.dragWindow(dx, dy),
    }
    this.volume = new VolumeView(engine, volumeEvents, `${name}volume`)
    const roots = [...this.panes, this.volume.pane].map((pane) => pane.root)
    root.append(element('div.panes', {}, ...roots))
    for (const pane of this.panes) listen(pane, this.gestures())
    new ResizeObserver(() => this.resized()).observe(root)
  }

  async show(file: ArrayBuffer, dimension: 2 | 3, start: Start): Promise<boolean> {
    this.clear()
    const flat = dimension === 2
    const id = `${this.name}scan-${this.turn % 2}`
    return this.open(new Scan(start, decode(file), flat, this.textures[flat ? 1 : 0], id))
  }

  share(other: Viewer): Promise<boolean> {
    this.clear()
    const scan = other instanceof PlanarViewer ? other.scan : null
    return scan === null ? Promise.resolve(false) : this.open(scan)
  }

  private async open(scan: Scan): Promise<boolean> {
    const { turn } = this
    this.scan = scan
    this.arrange()
    enableSlices(this.engine, this.panesOf(scan.flat), scan)
    try {
      await scan.load(this.engine, this.viewportIds)
    } catch (error) {
      if (turn === this.turn) throw error
    }
    if (turn !== this.turn) return false
    this.look = { ...this.look, centre: scan.space.middle, zoom: 1 }
    this.shape.reset()
    this.grey.show(scan.statistics, scan.colour, scan.opening)
    this.pointAt(scan.start)
    this.volume.show(scan)
    return true
  }

  async overlay(file: ArrayBuffer | Grid, legend: Legend): Promise<boolean> {
    const { scan, turn } = this
    const grid = file instanceof ArrayBuffer ? decode(file) : file
    if (scan === null || grid.dims.some((n, axis) => n !== scan.grid.dims[axis])) {
      throw new Error('The mask is not on the grid of this scan.')
    }
    this.removeMask()
    const slots = scan.slotsOf(grid, legend)
    this.edits.clear()
    this.drawnMask = new DrawnMask(grid, slots, legend)
    this.layer = scan.addMask(this.viewportIds, slots, legend)
    this.layer.style(this.style)
    this.volume.setMask(slots, legend)
    this.report()
    return turn === this.turn
  }

  clear(): void {
    this.turn += 1
    const { scan } = this
    this.removeMask()
    this.edits.clear()
    this.scan = null
    this.followed = null
    this.grey.clear()
    for (const pane of this.panes) pane.root.hidden = true
    this.volume.clear()
    if (purge(this.engine, [...this.panes.map(({ id }) => id), `${this.name}volume`])) {
      MaskLayer.forget()
    } else scan?.leave(this.engine)
  }

  removeMask(): void {
    const { layer } = this
    this.layer = null
    this.drawnMask = null
    if (layer === null) return
    layer.remove()
    discard(this.engine, layer.source)
  }

  // what is drawn

  get view(): View {
    return this.layout
  }

  set view(view: View) {
    this.layout = view
    if (!isSingle(view)) this.several = view
    if (isPlane(view)) this.activate(view)
    else if (isPair(view)) this.activate(panesOf(view)[0] as Plane)
    this.root.dataset.main = this.active
    this.arrange()
    this.resized()
  }

  get mask(): MaskStyle {
    return this.style
  }

  set mask(style: MaskStyle) {
    this.style = style
    this.layer?.style(style)
    this.volume.style(style)
  }

  recolour(): void {
    if (this.drawnMask !== null) this.layer?.recolour(this.drawnMask.legend.colours())
    this.volume.recolour()
  }

  get window(): Window | null {
    return this.grey.window
  }

  set window(window: Window | null) {
    this.grey.window = window
  }

  get inverted(): boolean {
    return this.grey.inverted
  }

  set inverted(inverted: boolean) {
    this.grey.inverted = inverted
  }

  get likeCt(): boolean {
    return this.scan?.statistics.likeCt ?? false
  }

  get windowRefused(): boolean {
    return this.grey.refused
  }

  resetWindow(automatic = false): void {
    this.grey.reset(automatic)
  }

  private display(properties: Types.VolumeViewportProperties): void {
    for (const viewport of this.viewports) viewport.setProperties(properties)
    this.volume.setWindow(this.grey.range, this.grey.inverted)
    this.draw()
  }

  // where one is

  get untouched(): boolean {
    return this.scan !== null && String(this.voxel) === String(this.scan.start)
  }

  get reduction(): number {
    return this.scan?.reduction ?? 1
  }

  get rows(): number {
    return this.scan?.grid.dims[1] ?? 1
  }

  jump(world: Point, value?: number): void {
    if (this.scan === null) return
    const voxel = toVoxel(this.scan.grid.affine, world)
    const { drawnMask } = this
    this.pointAt(
      value === undefined || drawnMask === null ? voxel : drawnMask.nearest(value, voxel),
    )
    this.uncover()
  }

  rotate(right: number, down: number): boolean {
    const alone = this.layout === 'volume' && this.scan?.flat === false
    if (alone) this.volume.rotate(right, down)
    return alone
  }

  scroll(slices: number): void {
    if (this.scan === null || this.scan.flat) return
    const { axis, next } = this.scan.space.planes[this.active]!
    const voxel: Point = [...this.voxel]
    voxel[axis] += slices * next * this.scan.space.step[axis]!
    this.pointAt(voxel)
  }

  zoom(factor: number): void {
    if (this.layout === 'volume') this.volume.zoom(factor)
    else this.zoomAround(factor, this.look.point)
  }

  resetZoom(): void {
    this.fit()
    this.volume.reset()
  }

  /** Shows the whole slices. */
  private fit(): void {
    if (this.scan === null) return
    this.look = { ...this.look, centre: this.scan.space.middle, zoom: 1 }
    this.draw()
  }

  worldOfPixel(row: number, column: number): Point | null {
    return this.scan === null
      ? null
      : toWorld(this.scan.grid.affine, [column, this.rows - 1 - row, 0])
  }

  project(world: Point): ScreenPoint[] {
    const { scan } = this
    if (scan === null) return []
    const scene = scan.space.toScene(toVoxel(scan.grid.affine, world))
    const volume = this.volume.project(scene)
    const planes = this.panes.flatMap((pane): ScreenPoint[] => {
      const camera = this.cameraOf(pane)
      if (camera === null) return []
      const thickness = scan.space.spacing[camera.plane.axis] * scan.space.step[camera.plane.axis]
      if (camera.distance(scene) > thickness * 0.501) return []
      const box = pane.element.getBoundingClientRect()
      const { x, y } = camera.toPixel(scene)
      return [{ plane: planeOf(pane), x: box.left + x, y: box.top + y }]
    })
    return volume === null ? planes : [...planes, { plane: 'volume', ...volume }]
  }

  get drawingSurfaces(): DrawingSurface[] {
    return this.panes.flatMap((pane) => {
      const camera = this.cameraOf(pane)
      return camera === null ? [] : [drawingSurfaceOf(pane, camera, this.scan!, this.voxel)]
    })
  }

  get grid(): Grid | null {
    return this.scan?.grid ?? null
  }

  get labels(): LabelsOnScreen | string | null {
    const { scan, drawnMask } = this
    if (scan === null || drawnMask === null) return null
    if (drawnMask.refused !== '') return drawnMask.refused
    const { slots: data, legend } = drawnMask
    const volume = { data, dims: scan.grid.dims, spacing: scan.space.spacing }
    const unit = scan.unsized ? 'px' : 'mm'
    return { volume, scan: scan.grid, legend, unit, changed: (slices) => this.edits.add(slices) }
  }

  private drawEdits(slices: readonly number[]): void {
    const { scan, drawnMask } = this
    if (scan === null || drawnMask === null) return
    if (this.layer !== null) scan.updateMask(drawnMask.slots, this.layer)
    this.layer?.changed(slices)
    this.report()
  }

  private editsRest(): void {
    this.volume.updateMask()
  }

  get crosshair(): Point {
    return this.scan === null ? this.voxel : pointOf(this.scan, this.voxel)
  }

  step(right: number, down: number): void {
    const pane = this.panes.find((one) => one.visible && planeOf(one) === this.active)
    const camera = pane === undefined ? null : this.cameraOf(pane)
    if (camera !== null) this.pointAt(stepped(camera, this.scan!, this.voxel, right, down))
    this.uncover()
  }

  get surfaces(): SurfaceBox[] {
    return this.volume.boxes
  }

  // drawing

  private get viewports(): SliceViewport[] {
    return slicesOf(this.engine, this.panes)
  }

  /** Those of the scan on screen. */
  private get viewportIds(): string[] {
    return this.panesOf(this.scan?.flat ?? false).map(({ id }) => id)
  }

  private panesOf(flat: boolean): Pane[] {
    return this.panes.filter((pane) => (pane.plane === 'image') === flat)
  }

  /** Shows the panes of the layout. */
  private arrange(): void {
    const flat = this.scan?.flat ?? false
    const single = flat || isSingle(this.layout)
    this.root.dataset.layout = single ? 'single' : isPair(this.layout) ? 'pair' : this.layout
    const shown: readonly string[] = flat ? ['image'] : panesOf(this.layout)
    for (const pane of this.panes) {
      pane.root.hidden = this.scan === null || !shown.includes(pane.plane)
    }
    this.volume.arrange(this.scan !== null && shown.includes('volume'))
  }

  private resized(): void {
    if (this.scan === null || this.root.clientWidth === 0) return
    this.engine.resize(false, true)
    this.draw()
    this.volume.resized()
  }

  private cameraOf(pane: Pane): Camera | null {
    const size = pane.size
    const plane = this.scan?.space.planes[planeOf(pane)]
    if (!pane.visible || plane === undefined || size.width === 0) return null
    const other = this.beside?.planes[planeOf(pane)]
    const beside: [Space, Orientation] | null = other === undefined ? null : [this.beside!, other]
    return new Camera(this.scan!.space, plane, this.look, size, beside)
  }

  private draw(): void {
    const visible: string[] = []
    for (const pane of this.panes) {
      const camera = this.cameraOf(pane)
      const viewport = this.engine.getViewport(pane.id)
      if (camera === null || viewport === undefined) continue
      const { focus, plane } = camera
      viewport.setCamera({
        focalPoint: focus,
        position: plus(focus, plane.normal, DISTANCE),
        parallelScale: camera.halfHeight,
      })
      this.overlayOf(pane, camera)
      visible.push(pane.id)
    }
    this.engine.renderViewports(visible)
    this.events.drawn()
  }

  private overlayOf(pane: Pane, camera: Camera): void {
    const { space, flat, opening } = this.scan!
    const { axis } = camera.plane
    const count = Math.ceil(space.dims[axis] / space.step[axis])
    const corners = {
      ...opening.facts,
      slice: flat ? '' : `${planeOf(pane)}  ${this.sliceNumber(camera, count)} / ${count}`,
      window: this.window === null ? '' : windowText(this.window),
      zoom: `zoom ${Math.round(this.look.zoom * 100)} %`,
    }
    pane.overlay(camera, this.followed ?? this.look.point, corners, !this.scan!.unsized)
  }

  /** From 1, in the direction of the next slice. */
  private sliceNumber({ plane }: Camera, count: number): number {
    const index = this.voxel[plane.axis] / this.scan!.space.step[plane.axis]
    return plane.next > 0 ? index + 1 : count - index
  }

  // moving

  get gaze(): Gaze {
    const { look, active, followed } = this
    return { ...look, point: followed ?? look.point, active }
  }

  follow({ active, ...look }: Gaze): void {
    if (this.scan === null) return
    const { space } = this.scan
    this.voxel = space.nearest(space.toVoxel(look.point))
    this.look = { ...look, point: space.toScene(this.voxel) }
    this.followed = look.point
    this.activate(active)
    this.draw()
    this.volume.pointAt(this.look.point)
    this.report()
  }

  get outside(): boolean {
    const { scan, followed } = this
    if (scan === null || followed === null) return false
    const at = scan.space.toVoxel(followed)
    return at.some((n, axis) => n < -0.5 || n > scan.grid.dims[axis]! - 0.5)
  }

  fitBeside(other: Viewer | null): void {
    this.beside = other instanceof PlanarViewer ? (other.scan?.space ?? null) : null
    this.draw()
  }

  private pointAt(voxel: Point): void {
    const { space } = this.scan!
    this.followed = null
    this.voxel = space.nearest(voxel)
    this.look = { ...this.look, point: space.toScene(this.voxel) }
    this.draw()
    this.volume.pointAt(this.look.point)
    this.report()
  }

  /** Moves the image if the crosshair is outside of a pane. */
  private uncover(): void {
    const hidden = this.panes.some((pane) => {
      const camera = this.cameraOf(pane)
      if (camera === null) return false
      const { x, y } = camera.toPixel(this.look.point)
      return x < 0 || y < 0 || x > camera.size.width || y > camera.size.height
    })
    if (!hidden) return
    this.look = { ...this.look, centre: this.look.point }
    this.draw()
  }

  private zoomAround(factor: number, fixed: Point): void {
    if (this.scan === null) return
    const zoom = Math.min(MOST_ZOOM, this.look.zoom * factor)
    if (zoom <= 1.001) {
      this.fit()
      return
    }
    const share = this.look.zoom / zoom
    const centre = plus(fixed, plus(this.look.centre, fixed, -1), share)
    this.look = { ...this.look, centre, zoom }
    this.draw()
  }

  private gestures(): Gestures {
    return {
      point: (pane, at) => {
        const camera = this.used(pane)
        if (camera !== null) this.pointAt(this.scan!.space.toVoxel(camera.toScene(at)))
      },
      move: (pane, dx, dy) => this.move(pane, dx, dy),
      window: (dx, dy) => this.dragWindow(dx, dy),
      scroll: (pane, slices) => {
        this.used(pane)
        this.scroll(slices)
      },
      zoom: (pane, factor, at: At) => {
        const camera = this.used(pane)
        if (camera !== null) this.zoomAround(factor, camera.toScene(at))
      },
      maximise: (pane) => this.maximise(pane),
      flat: () => this.scan?.flat ?? true,
    }
  }

  private used(pane: Pane): Camera | null {
    const camera = this.cameraOf(pane)
    if (camera !== null) this.activate(planeOf(pane))
    return camera
  }

  use(plane: Plane): void {
    this.activate(plane)
  }

  private activate(plane: Plane): void {
    this.active = plane
    this.root.dataset.active = plane
  }

  private move(pane: Pane, dx: number, dy: number): void {
    const camera = this.cameraOf(pane)
    if (camera === null) return
    this.look = { ...this.look, centre: plus(this.look.centre, scaled(camera.shift(dx, dy), -1)) }
    this.draw()
  }

  private dragWindow(dx: number, dy: number): void {
    if (this.grey.drag(dx, dy)) this.events.window()
  }

  private maximise(pane: Pane): void {
    if (this.scan === null || this.scan.flat) return
    this.events.view(this.layout === pane.plane ? this.several : planeOf(pane))
  }

  private report(): void {
    if (this.scan !== null) this.events.readout(this.scan.readout(this.voxel, this.drawnMask))
  }
}

const DISTANCE = 1000 // mm from the slice to the camera; a parallel projection does not depend on it

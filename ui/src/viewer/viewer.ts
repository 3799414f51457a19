/** The viewer on Cornerstone3D: panes that share one look at one scan and its mask. */

import type { RenderingEngine, Types } from '@cornerstonejs/core'
import { element } from '../element'
import type { Point } from '../schemas'
import { pointOf } from './drawing_surface'
import { listen } from './gestures'
import { GreyValues } from './grey_values'
import { Layout } from './layout'
import type { Legend } from './legend'
import { largestTextures, purge, startEngine } from './library'
import { MaskLayer } from './mask_layer'
import { Moves } from './moves'
import { decode, type Grid } from './nifti'
import type {
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
import { ShownMask } from './shown_mask'
import { Sight } from './sight'
import { SlicePanes } from './slice_panes'
import type { Window } from './voi'
import { VoiShape } from './voi_shape'
import { VolumeView } from './volume_view'

/** Throws if the browser cannot draw. `name` sets the viewer apart from others on the page. */
export function openViewer(root: HTMLElement, events: ViewerEvents, name = ''): Viewer {
  const textures = largestTextures()
  return new PlanarViewer(root, startEngine(events.lost), textures, events, name)
}

class PlanarViewer implements Viewer {
  private readonly sight = new Sight()
  private readonly layout: Layout
  private readonly panes: SlicePanes
  private readonly volume: VolumeView
  private readonly shown: ShownMask
  private readonly moves: Moves
  private readonly shape = new VoiShape()
  private readonly grey = new GreyValues({
    range: (voiRange, window) => {
      if (window !== null) this.shape.set(window, this.panes.viewports, this.grey.inverted)
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
    this.layout = new Layout(root)
    this.panes = new SlicePanes(engine, this.sight, name)
    const volumeEvents = {
      jump: (voxel: Point) => this.moves.pointAt(voxel),
      maximise: () => this.moves.maximise('volume'),
      window: (dx: number, dy: number) => this.dragWindow(dx, dy),
    }
    this.volume = new VolumeView(engine, volumeEvents, `${name}volume`)
    this.shown = new ShownMask(engine, this.volume, () => this.report())
    this.moves = new Moves(this.sight, this.layout, this.panes, this.volume, this.shown, {
      moved: () => this.moved(),
      shifted: () => this.draw(),
      window: (dx, dy) => this.dragWindow(dx, dy),
      view: (view) => events.view(view),
    })
    const roots = [...this.panes.all, this.volume.pane].map((pane) => pane.root)
    root.append(element('div.panes', {}, ...roots))
    for (const pane of this.panes.all) listen(pane, this.moves.gestures)
    new ResizeObserver(() => this.resized()).observe(root)
  }

  // the scan and its mask

  private get scan(): Scan | null {
    return this.sight.scan
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
    this.sight.scan = scan
    this.arrange()
    this.panes.enable(scan)
    try {
      await scan.load(this.engine, this.panes.viewportIds)
    } catch (error) {
      if (turn === this.turn) throw error
    }
    if (turn !== this.turn) return false
    this.sight.fit()
    this.shape.reset()
    this.grey.show(scan.statistics, scan.colour, scan.opening)
    this.moves.pointAt(scan.start)
    this.volume.show(scan)
    return true
  }

  async overlay(file: ArrayBuffer | Grid, legend: Legend): Promise<boolean> {
    const { turn } = this
    this.shown.show(this.scan, this.panes.viewportIds, file, legend)
    return turn === this.turn
  }

  clear(): void {
    this.turn += 1
    const { scan } = this
    this.shown.clear()
    this.sight.clear()
    this.grey.clear()
    this.panes.arrange([])
    this.volume.clear()
    if (purge(this.engine, [...this.panes.all.map(({ id }) => id), `${this.name}volume`])) {
      MaskLayer.forget()
    } else scan?.leave(this.engine)
  }

  removeMask(): void {
    this.shown.remove()
  }

  get mask(): MaskStyle {
    return this.shown.style
  }

  set mask(style: MaskStyle) {
    this.shown.style = style
  }

  recolour(): void {
    this.shown.recolour()
  }

  get labels(): LabelsOnScreen | string | null {
    return this.shown.labels
  }

  get grid(): Grid | null {
    return this.scan?.grid ?? null
  }

  get reduction(): number {
    return this.scan?.reduction ?? 1
  }

  get rows(): number {
    return this.scan?.grid.dims[1] ?? 1
  }

  // the grey values

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
    for (const viewport of this.panes.viewports) viewport.setProperties(properties)
    this.volume.setWindow(this.grey.range, this.grey.inverted)
    this.draw()
  }

  private dragWindow(dx: number, dy: number): void {
    if (this.grey.drag(dx, dy)) this.events.window()
  }

  // the panes

  get view(): View {
    return this.layout.view
  }

  set view(view: View) {
    this.layout.view = view
    this.arrange()
    this.resized()
  }

  get active(): Plane {
    return this.layout.active
  }

  use(plane: Plane): void {
    this.layout.activate(plane)
  }

  get drawingSurfaces(): DrawingSurface[] {
    return this.panes.drawingSurfaces
  }

  get surfaces(): SurfaceBox[] {
    return this.volume.boxes
  }

  private arrange(): void {
    const names = this.layout.arrange(this.scan?.flat ?? false)
    const shown = this.scan === null ? [] : names
    this.panes.arrange(shown)
    this.volume.arrange(shown.includes('volume'))
  }

  private resized(): void {
    if (this.scan === null || this.root.clientWidth === 0) return
    this.engine.resize(false, true)
    this.draw()
    this.volume.resized()
  }

  private draw(): void {
    this.panes.draw(this.window)
    this.events.drawn()
  }

  // where one is

  get crosshair(): Point {
    return this.scan === null ? this.sight.voxel : pointOf(this.scan, this.sight.voxel)
  }

  get untouched(): boolean {
    return this.sight.untouched
  }

  get outside(): boolean {
    return this.sight.outside
  }

  get gaze(): Gaze {
    const { look, point } = this.sight
    return { ...look, point, active: this.active }
  }

  worldOfPixel(row: number, column: number): Point | null {
    return this.sight.worldOfPixel(row, column)
  }

  project(world: Point): ScreenPoint[] {
    if (this.scan === null) return []
    const scene = this.sight.toScene(world)
    const volume = this.volume.project(scene)
    const planes = this.sight.project(scene, this.panes.all)
    return volume === null ? planes : [...planes, { plane: 'volume', ...volume }]
  }

  // moving

  jump(world: Point, value?: number): void {
    this.moves.jump(world, value)
  }

  step(right: number, down: number): void {
    this.moves.step(right, down)
  }

  scroll(slices: number): void {
    this.moves.scroll(slices)
  }

  rotate(right: number, down: number): boolean {
    return this.moves.rotate(right, down)
  }

  zoom(factor: number): void {
    this.moves.zoom(factor)
  }

  resetZoom(): void {
    this.moves.resetZoom()
  }

  follow(gaze: Gaze): void {
    this.moves.follow(gaze)
  }

  fitBeside(other: Viewer | null): void {
    this.sight.beside = other instanceof PlanarViewer ? (other.scan?.space ?? null) : null
    this.draw()
  }

  private moved(): void {
    this.draw()
    this.volume.pointAt(this.sight.look.point)
    this.report()
  }

  private report(): void {
    const { scan, sight } = this
    if (scan !== null) this.events.readout(scan.readout(sight.voxel, this.shown.drawn))
  }
}

/** The scan in 3D: volume rendering or a projection, the surfaces of the labels, and cuts. */

import type { RenderingEngine } from '@cornerstonejs/core'
import { recall, remember } from '../preferences'
import type { Point } from '../schemas'
import { type Cut, type Half, halvesOf, noCuts, shareAt } from './clip'
import { PLANES, plus } from './geometry'
import type { Colour4, Legend } from './legend'
import { type Ball, Orbit } from './orbit'
import { Pace } from './pace'
import type { MaskStyle, Plane, SurfaceBox } from './port'
import { firstShown } from './ray'
import { volumeCopy } from './reduced_volume'
import type { Scan } from './scan'
import { groupsOf, Surfaces } from './surfaces'
import { listenForTurns } from './turn_gestures'
import type { Range } from './voi'
import { type Mode, SIDES, VolumePane } from './volume_pane'
import { presetsFor, type VolumePreset } from './volume_presets'
import { VolumeScene } from './volume_scene'

const MOST_VOXELS = 2 ** 24
const MOST_VOXELS_WITHOUT_CARD = 2 ** 21
const SMALLEST = 5 // mm: half of the shorter side of the pane, at first

const FAILED =
  'This scan cannot be shown in 3D: the graphics memory is too small, or the graphics driver failed. The planes are not affected.'
const NO_SURFACES = 'The surfaces of the labels could not be made. Reload the page to try again.'

export interface VolumeEvents {
  /** A click on a surface, at a voxel. */
  jump: (voxel: Point) => void
  maximise: () => void
  window: (dx: number, dy: number) => void
}

export class VolumeView {
  readonly pane: VolumePane
  private readonly scene: VolumeScene
  private scan: Scan | null = null
  private slots: Uint8Array | null = null
  private legend: Legend | null = null
  private colours: Colour4[] = []
  private surfaces: Surfaces | null = null
  private orbit: Orbit | null = null
  private touched = false
  private crosshair: Point = [0, 0, 0]
  private cuts = noCuts()
  private follow = true
  private visible = true
  private mode: Mode = 'labels'
  private window: Range = { lower: 0, upper: 1 }
  private inverted = false
  private broken = false
  private copied = 1
  private readonly pace: Pace
  /** Counts what was asked for: an answer to an earlier one is outdated. */
  private turn = 0

  constructor(
    engine: RenderingEngine,
    private readonly events: VolumeEvents,
  ) {
    this.pane = new VolumePane({
      mode: (mode) => this.choose('volume-mode', mode),
      preset: (name) => this.choose(this.presetKey, name),
      from: (side) => this.look((orbit) => orbit.from(...SIDES[side]!)),
      cut: (plane, change) => this.cut(plane, change),
      follow: (on) => this.setFollow(on),
    })
    this.scene = new VolumeScene(engine, this.pane.element)
    this.pace = new Pace(this.pane, () => this.draw())
    listenForTurns(this.pane.root, {
      turn: (dx, dy) => this.look((orbit) => orbit.turned(dx, dy, this.pane.size), true),
      move: (dx, dy) => this.look((orbit) => orbit.moved(dx, dy, this.pane.size), true),
      zoom: (factor) => this.zoom(factor),
      window: (dx, dy) => events.window(dx, dy),
      point: (at) => this.pick(this.orbit?.toScene(at, this.pane.size)),
      maximise: () => events.maximise(),
      rest: () => this.pace.rest(),
    })
  }

  // what there is

  show(scan: Scan): void {
    this.scan = scan
    this.touched = false
    this.fit()
    void this.prepare()
  }

  setMask(slots: Uint8Array, legend: Legend): void {
    this.dropSurfaces()
    this.slots = slots
    this.legend = legend
    this.recolour()
    void this.prepare()
  }

  recolour(): void {
    this.colours = this.legend?.colours() ?? []
    this.paint()
  }

  style({ visible }: MaskStyle): void {
    this.visible = visible
    this.paint()
  }

  setWindow(window: Range, inverted: boolean): void {
    this.window = window
    this.inverted = inverted
    if (this.ready && this.mode === 'projection') this.refresh()
  }

  pointAt(scene: Point): void {
    this.crosshair = scene
    if (this.follow && this.scan !== null) this.cutsToCrosshair()
    if (this.ready) this.draw()
  }

  /** The pane is shown or hidden. */
  arrange(shown: boolean): void {
    this.pane.root.hidden = !shown
    if (shown) void this.prepare()
  }

  resized(): void {
    if (this.ready) this.draw()
  }

  /** Forgets the scan. The library's part of it is freed with that of all viewports. */
  clear(): void {
    this.turn += 1
    this.surfaces?.stop()
    this.surfaces = null
    this.scene.clear()
    this.scan = null
    this.slots = null
    this.legend = null
    this.colours = []
    this.broken = false
    this.pace.clear()
    this.cuts = noCuts()
    this.pane.showCuts(this.cuts, this.follow)
    this.pane.showProblem(null)
    this.pane.showNote('')
  }

  get boxes(): SurfaceBox[] {
    return (this.surfaces?.bounds ?? []).map(({ group, low, high, triangles }) => ({
      value: this.legend!.valueOf(group),
      low: [-high[0], -high[1], low[2]],
      high: [-low[0], -low[1], high[2]],
      triangles,
    }))
  }

  // what is drawn

  private get ready(): boolean {
    return this.scan !== null && this.pane.visible && !this.broken && this.scene.open
  }

  /** Brings what the pane shows into the library: only when the pane is on screen. */
  private async prepare(): Promise<void> {
    const { scan } = this
    if (scan === null || scan.flat || this.broken || !this.pane.visible) return
    const turn = ++this.turn
    const wanted = (): boolean => turn === this.turn
    try {
      if (!this.scene.open) this.scene.start()
      this.pace.software = this.scene.software
      this.offer(scan)
      await this.prepareVolume(scan, wanted)
      if (!wanted()) return
      this.prepareSurfaces(scan)
      this.refresh()
    } catch {
      if (wanted()) this.fail()
    }
  }

  private offer(scan: Scan): void {
    this.mode = scan.colour ? 'labels' : (recall('volume-mode', 'labels') as Mode)
    this.pane.offer(presetsFor(scan.statistics.likeCt), this.preset.name, this.mode, !scan.colour)
  }

  private async prepareVolume(scan: Scan, wanted: () => boolean): Promise<void> {
    this.copied = 1
    if (this.mode === 'labels') return this.scene.setVolume(null)
    const most = this.scene.software ? MOST_VOXELS_WITHOUT_CARD : MOST_VOXELS
    const combine = this.mode === 'volume' ? 'mean' : 'largest'
    const copy = await volumeCopy(scan, combine, most, wanted)
    if (copy === null || !wanted()) return
    this.copied = copy.reduction
    await this.scene.setVolume(copy.id)
  }

  private prepareSurfaces(scan: Scan): void {
    if (this.slots === null || this.surfaces !== null) return
    const { space } = scan
    const groups = groupsOf(this.colours, this.legend!.instances)
    this.surfaces = new Surfaces(
      { slots: this.slots, dims: scan.drawn.dims, groups },
      {
        origin: space.toScene([0, 0, 0]),
        directions: space.directions,
        spacing: space.spacing.map((mm, axis) => mm * space.step[axis]!) as Point,
      },
      {
        ready: (surface) => {
          if (!this.scene.open) return
          this.scene.addSurface(surface, this.colourOf(surface.group))
          this.fit()
          this.draw()
        },
        done: () => this.refresh(),
        failed: () => this.pane.showProblem(NO_SURFACES),
      },
    )
    this.pane.root.dataset.surfaces = 'waiting'
  }

  private dropSurfaces(): void {
    this.surfaces?.stop()
    this.surfaces = null
    this.scene.removeSurfaces()
  }

  private colourOf(group: number): Colour4 {
    const [red, green, blue, opacity] = this.colours[group] ?? [0, 0, 0, 0]
    return [red, green, blue, this.visible ? opacity : 0]
  }

  private paint(): void {
    this.scene.recolour((group) => this.colourOf(group))
    if (this.ready) this.draw()
  }

  private get presetKey(): string {
    return this.scan?.statistics.likeCt ? 'volume-ct' : 'volume-mr'
  }

  private get preset(): VolumePreset {
    const presets = presetsFor(this.scan!.statistics.likeCt)
    const name = recall(this.presetKey, presets[0]!.name)
    return presets.find((one) => one.name === name) ?? presets[0]!
  }

  /** The reader chose something that is remembered. */
  private choose(key: string, value: string): void {
    remember(key, value)
    void this.prepare()
  }

  /** Draws everything anew after a change of what is drawn. */
  private refresh(): void {
    if (!this.ready) return
    const { range } = this.scan!.statistics
    this.scene.setLook(
      this.mode === 'projection'
        ? { kind: 'projection', window: this.window, inverted: this.inverted }
        : { kind: 'preset', preset: this.preset, range },
    )
    this.fit()
    this.draw()
    this.note()
  }

  private note(): void {
    const coarsest = Math.max(this.copied, this.surfaces?.reduction ?? 1)
    const waits = this.surfaces !== null && !this.surfaces.complete
    const parts = [
      waits && 'Making the surfaces …',
      coarsest > 1 && `3D shows up to 1/${coarsest} of the resolution`,
      this.mode === 'labels' && this.slots === null && 'No mask yet: choose Volume or MIP',
    ]
    this.pane.root.dataset.surfaces = waits ? 'waiting' : 'ready'
    this.pane.showNote(parts.filter((part) => part !== false).join('  ·  '))
  }

  private fail(): void {
    this.broken = true
    this.surfaces?.stop()
    this.pane.showNote('')
    this.pane.showProblem(FAILED)
  }

  private draw(): void {
    if (!this.ready || this.orbit === null) return
    const { size } = this.pane
    if (size.width === 0 || size.height === 0) return
    this.pace.before(this.mode !== 'labels')
    this.scene.setCoarseness(this.pace.coarse ? 5 : this.scene.software ? 2 : 1)
    this.scene.draw(this.orbit, size, this.halves)
    this.pane.overlay(this.orbit, this.crosshair)
    if (this.scene.broken) this.fail()
  }

  // where one looks from

  zoom(factor: number): void {
    this.look((orbit) => orbit.zoomed(factor), true)
  }

  reset(): void {
    this.touched = false
    this.orbit = null
    this.fit()
    if (this.ready) this.draw()
  }

  private look(change: (orbit: Orbit) => Orbit, moving = false): void {
    if (!this.ready || this.orbit === null) return
    this.touched = true
    this.orbit = change(this.orbit)
    if (moving) this.pace.move()
    this.draw()
  }

  /** Looks at everything that is drawn, until the reader looks elsewhere. */
  private fit(): void {
    if (this.touched || this.scan === null) return
    const [normal, up] = this.orbit === null ? SIDES.Front! : [this.orbit.normal, this.orbit.up]
    this.orbit = Orbit.around(this.ball(), normal, up)
  }

  private ball(): Ball {
    const bounds = this.surfaces?.bounds ?? []
    if (this.mode !== 'labels' || bounds.length === 0) {
      const { space } = this.scan!
      const sides = space.directions.map((direction) => space.extent(direction))
      return { middle: space.middle, radius: 0.45 * Math.hypot(...sides) }
    }
    const low = [0, 1, 2].map((n) => Math.min(...bounds.map((one) => one.low[n]!))) as Point
    const high = [0, 1, 2].map((n) => Math.max(...bounds.map((one) => one.high[n]!))) as Point
    const across = plus(high, low, -1)
    return {
      middle: plus(low, across, 0.5),
      radius: Math.max(SMALLEST, 0.55 * Math.hypot(...across)),
    }
  }

  /** Where a point of the scene is drawn: CSS pixels from the window's upper left. */
  project(scene: Point): { x: number; y: number } | null {
    if (!this.ready || this.orbit === null) return null
    const box = this.pane.root.getBoundingClientRect()
    const { x, y } = this.orbit.toPixel(scene, this.pane.size)
    return { x: box.left + x, y: box.top + y }
  }

  // cuts

  private get halves(): Half[] {
    return halvesOf(this.cuts, this.scan!.space)
  }

  private cut(plane: Plane, change: Partial<Cut>): void {
    if (change.share !== undefined) this.follow = false
    this.cuts = { ...this.cuts, [plane]: { ...this.cuts[plane], ...change } }
    this.cutsChanged()
  }

  private setFollow(on: boolean): void {
    this.follow = on
    this.cutsChanged()
  }

  private cutsChanged(): void {
    if (this.scan === null) return
    if (this.follow) this.cutsToCrosshair()
    this.pane.showCuts(this.cuts, this.follow)
    this.draw()
  }

  private cutsToCrosshair(): void {
    const { space } = this.scan!
    for (const plane of PLANES) this.cuts[plane].share = shareAt(space, plane, this.crosshair)
    this.pane.showCuts(this.cuts, this.follow)
  }

  private pick(from: Point | undefined): void {
    if (!this.ready || this.slots === null || from === undefined) return
    const { space, drawn } = this.scan!
    const voxel = firstShown(
      { slots: this.slots, dims: drawn.dims, space },
      (slot) => slot !== 0 && this.colourOf(slot)[3] > 0,
      this.halves,
      from,
      this.orbit!.normal,
      Math.hypot(...plus(this.orbit!.focus, space.middle, -1)) + this.diameter,
    )
    if (voxel !== null) this.events.jump(voxel)
  }

  private get diameter(): number {
    const { space } = this.scan!
    return Math.hypot(...space.directions.map((direction) => space.extent(direction)))
  }
}

/** The scan in 3D: volume rendering or a projection, the surfaces of the labels, and cuts. */

import type { RenderingEngine } from '@cornerstonejs/core'
import { recall, remember } from '../preferences'
import type { Point } from '../schemas'
import { LabelSurfaces } from './label_surfaces'
import type { Legend } from './legend'
import { type Ball, Orbit } from './orbit'
import { Pace } from './pace'
import type { MaskStyle, SurfaceBox } from './port'
import { volumeCopy } from './reduced_volume'
import type { Scan } from './scan'
import { listenForTurns } from './turn_gestures'
import type { Range } from './voi'
import { VolumeCuts } from './volume_cuts'
import { type Mode, SIDES, VolumePane } from './volume_pane'
import { presetsFor, type VolumePreset } from './volume_presets'
import { VolumeScene } from './volume_scene'

const MOST_VOXELS = 2 ** 24
const MOST_VOXELS_WITHOUT_CARD = 2 ** 21
const MODE = 'volume-mode' // the preference

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
  private readonly labels: LabelSurfaces
  private readonly cuts = new VolumeCuts(() => this.pane)
  private readonly pace: Pace
  private scan: Scan | null = null
  private orbit: Orbit | null = null
  /** Whether the reader chose from where to look. */
  private touched = false
  private crosshair: Point = [0, 0, 0]
  private mode: Mode = 'labels'
  private window: Range = { lower: 0, upper: 1 }
  private inverted = false
  private broken = false
  /** Voxels of the scan that one drawn voxel stands for, along the most reduced axis. */
  private reduction = 1
  /** Number of calls of `prepare` and `clear`: a call that finds it changed is outdated. */
  private turn = 0

  /** `id`: of the library's viewport. */
  constructor(engine: RenderingEngine, events: VolumeEvents, id: string) {
    this.pane = new VolumePane({
      mode: (mode) => this.choose(MODE, mode),
      preset: (name) => this.choose(this.presetKey, name),
      from: (side) => this.look((orbit) => orbit.from(...SIDES[side]!)),
      cut: (plane, change) => this.recut(() => this.cuts.change(plane, change)),
      follow: (on) => this.recut(() => this.cuts.setFollow(on)),
    })
    this.scene = new VolumeScene(engine, this.pane.element, id)
    this.pace = new Pace(this.pane, () => this.draw())
    this.labels = new LabelSurfaces(this.scene, {
      more: () => this.refit(),
      done: () => this.refresh(),
      failed: () => {
        this.pane.showProblem(NO_SURFACES)
        this.refresh()
      },
    })
    const move = (change: (orbit: Orbit) => Orbit): void => this.look(change, true)
    listenForTurns(this.pane.root, {
      turn: (dx, dy) => move((orbit) => orbit.turned(dx, dy, this.pane.size)),
      move: (dx, dy) => move((orbit) => orbit.moved(dx, dy, this.pane.size)),
      zoom: (factor) => this.zoom(factor),
      window: events.window,
      point: (at) => {
        if (!this.ready || this.orbit === null) return
        const from = this.orbit.toScene(at, this.pane.size)
        const voxel = this.labels.hit(this.scan!, from, this.orbit, this.cuts.halves)
        if (voxel !== null) events.jump(voxel)
      },
      maximise: events.maximise,
      rest: () => this.pace.rest(),
    })
  }

  // what there is

  show(scan: Scan): void {
    this.scan = scan
    this.cuts.reset(scan.space)
    this.orbit = null
    this.touched = false
    void this.prepare()
  }

  setMask(slots: Uint8Array, legend: Legend): void {
    this.labels.setMask(slots, legend)
    void this.prepare()
  }

  /** The labels were changed. */
  updateMask(): void {
    if (this.labels.update()) void this.prepare()
  }

  recolour(): void {
    this.labels.recolour()
    this.draw()
  }

  style({ visible }: MaskStyle): void {
    this.labels.show(visible)
    this.draw()
  }

  setWindow(window: Range, inverted: boolean): void {
    this.window = window
    this.inverted = inverted
    if (this.mode === 'projection') this.refresh()
  }

  pointAt(scene: Point): void {
    this.crosshair = scene
    this.cuts.pointAt(scene)
    this.draw()
  }

  /** The pane is shown or hidden. */
  arrange(shown: boolean): void {
    this.pane.root.hidden = !shown
    void this.prepare()
  }

  resized(): void {
    this.draw()
  }

  /** Forgets the scan. The library's part of it is freed with that of all viewports. */
  clear(): void {
    this.turn += 1
    this.labels.clear()
    this.scene.clear()
    this.scan = null
    this.broken = false
    this.pace.clear()
    this.cuts.reset(null)
    this.pane.showProblem(null)
    this.pane.showNote('')
    this.pane.root.dataset.surfaces = 'waiting'
  }

  get boxes(): SurfaceBox[] {
    return this.labels.boxes
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
      this.labels.make(scan)
      this.refresh()
    } catch {
      if (wanted()) this.fail()
    }
  }

  private offer(scan: Scan): void {
    this.mode = scan.colour ? 'labels' : (recall(MODE, 'labels') as Mode)
    this.pane.offer(presetsFor(scan.statistics.likeCt), this.preset.name, this.mode, !scan.colour)
  }

  private async prepareVolume(scan: Scan, wanted: () => boolean): Promise<void> {
    this.reduction = 1
    if (this.mode === 'labels') return this.scene.setVolume(null)
    const most = this.scene.software ? MOST_VOXELS_WITHOUT_CARD : MOST_VOXELS
    const combine = this.mode === 'volume' ? 'mean' : 'largest'
    const copy = await volumeCopy(scan, combine, most, wanted)
    if (copy === null || !wanted()) return
    this.reduction = copy.reduction
    await this.scene.setVolume(copy.id)
  }

  private get presetKey(): string {
    return this.scan?.statistics.likeCt ? 'volume-ct' : 'volume-mr'
  }

  private get preset(): VolumePreset {
    const presets = presetsFor(this.scan!.statistics.likeCt)
    const name = recall(this.presetKey, '')
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
    this.refit()
    this.note()
  }

  private note(): void {
    const { reduction, colour } = this.scan!
    const coarsest = Math.max(this.reduction, this.labels.reduction * reduction)
    const parts = [
      this.labels.waiting && 'Making the surfaces …',
      coarsest > 1 && `3D shows up to 1/${coarsest} of the resolution`,
      this.mode === 'labels' &&
        !this.labels.any &&
        `No mask yet${colour ? '' : ': choose Volume or MIP'}`,
    ]
    this.pane.root.dataset.surfaces = this.labels.waiting ? 'waiting' : 'ready'
    this.pane.showNote(parts.filter((part) => part !== false).join('  ·  '))
  }

  private fail(): void {
    this.broken = true
    this.labels.stop()
    this.pane.showNote('')
    this.pane.showProblem(FAILED)
  }

  private draw(): void {
    const { size } = this.pane
    if (!this.ready || this.orbit === null || size.width === 0 || size.height === 0) return
    this.pace.before(this.mode !== 'labels')
    this.scene.setCoarseness(this.pace.coarse ? 5 : this.scene.software ? 2 : 1)
    this.scene.draw(this.orbit, size, this.cuts.halves)
    this.pane.overlay(this.orbit, this.crosshair)
    if (this.scene.broken) this.fail()
  }

  private recut(change: () => void): void {
    change()
    this.draw()
  }

  // where one looks from

  zoom(factor: number): void {
    this.look((orbit) => orbit.zoomed(factor), true)
  }

  /** Turns the view by steps of 15 degrees: the side that is nearest moves right, or down. */
  rotate(right: number, down: number): void {
    const { size } = this.pane
    const step = Math.min(size.width, size.height) / 12
    this.look((orbit) => orbit.turned(right * step, down * step, size), true)
  }

  reset(): void {
    this.touched = false
    this.orbit = null
    this.refit()
  }

  private look(change: (orbit: Orbit) => Orbit, moving = false): void {
    if (!this.ready || this.orbit === null) return
    this.touched = true
    this.orbit = change(this.orbit)
    if (moving) this.pace.move()
    this.draw()
  }

  /** Looks at everything that is drawn, until the reader looks elsewhere. */
  private refit(): void {
    if (this.scan === null) return
    const [normal, up] = this.orbit === null ? SIDES.Front! : [this.orbit.normal, this.orbit.up]
    if (!this.touched) this.orbit = Orbit.around(this.ball(this.scan), normal, up)
    this.draw()
  }

  private ball({ space }: Scan): Ball {
    const sides = space.directions.map((direction) => space.extent(direction))
    const whole = { middle: space.middle, radius: 0.45 * Math.hypot(...sides) }
    return this.mode === 'labels' ? (this.labels.ball ?? whole) : whole
  }

  /** Where a point of the scene is drawn: CSS pixels from the window's upper left. */
  project(scene: Point): { x: number; y: number } | null {
    if (!this.ready || this.orbit === null) return null
    const box = this.pane.root.getBoundingClientRect()
    const { x, y } = this.orbit.toPixel(scene, this.pane.size)
    return { x: box.left + x, y: box.top + y }
  }
}

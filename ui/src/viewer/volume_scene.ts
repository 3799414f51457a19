/** What the library draws in the 3D pane: the volume, the surfaces, and what cuts leave of them. */

import { cache, Enums, type RenderingEngine, type Types } from '@cornerstonejs/core'
import vtkCellArray from '@kitware/vtk.js/Common/Core/CellArray.js'
import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray.js'
import vtkPiecewiseFunction from '@kitware/vtk.js/Common/DataModel/PiecewiseFunction.js'
import vtkPlane from '@kitware/vtk.js/Common/DataModel/Plane.js'
import vtkPolyData from '@kitware/vtk.js/Common/DataModel/PolyData.js'
import vtkActor from '@kitware/vtk.js/Rendering/Core/Actor.js'
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction.js'
import vtkMapper from '@kitware/vtk.js/Rendering/Core/Mapper.js'
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume.js'
import type vtkVolumeMapper from '@kitware/vtk.js/Rendering/Core/VolumeMapper.js'
import type { Size } from './camera'
import type { Half } from './clip'
import { plus } from './geometry'
import type { Colour4 } from './legend'
import type { Orbit } from './orbit'
import type { Surface } from './surface_maker'
import type { Range } from './voi'
import { fitted, type VolumePreset } from './volume_presets'

const THRESHOLD = 1e-3 // width of a projection's window where that of the slices is 0
const DISTANCE = 2000 // mm from the focus to the camera; a parallel projection ignores it

/** How the volume is drawn: by a preset, or as a projection of its largest values. */
export type VolumeLook =
  | { kind: 'preset'; preset: VolumePreset; range: Range }
  | { kind: 'projection'; window: Range; inverted: boolean }

export class VolumeScene {
  private readonly surfaces = new Map<number, vtkActor>()
  private readonly planes: vtkPlane[] = []
  private volume: string | null = null

  constructor(
    private readonly engine: RenderingEngine,
    private readonly element: HTMLElement,
    /** Of the library's viewport. */
    private readonly id: string,
  ) {}

  get open(): boolean {
    return this.engine.getViewport(this.id) !== undefined
  }

  start(): void {
    this.engine.enableElement({
      viewportId: this.id,
      type: Enums.ViewportType.VOLUME_3D,
      element: this.element as HTMLDivElement,
      defaultOptions: { background: [0, 0, 0] },
    })
  }

  /** Draws a volume of the library's cache, or none, with the surfaces. */
  async setVolume(id: string | null): Promise<void> {
    if (id === this.volume) return
    this.volume = id
    this.release()
    if (id === null) this.viewport.removeAllActors()
    else await this.viewport.setVolumes([{ volumeId: id }], false, true) // removes all others
    if (id !== this.volume || !this.open) return
    // Without this, the first picture would be without the volume.
    if (id !== null) (cache.getVolume(id)?.vtkOpenGLTexture as Texture | undefined)?.modified()
    for (const [group, actor] of this.surfaces) this.show(group, actor)
  }

  setLook(look: VolumeLook): void {
    const actor = this.viewport.getDefaultActor()?.actor as vtkVolume | undefined
    const white = this.volume !== null && look.kind === 'projection' && look.inverted
    this.viewport.getRenderer().setBackground(white ? [1, 1, 1] : [0, 0, 0])
    if (this.volume === null || actor === undefined) return
    const mapper = actor.getMapper() as vtkVolumeMapper
    if (look.kind === 'preset') {
      mapper.setBlendModeToComposite()
      this.viewport.setProperties({ preset: fitted(look.preset, look.range) as never }, this.volume)
      actor.getProperty().setUseGradientOpacity(0, false) // 1 everywhere in these presets, but slow
      actor.getProperty().setScalarOpacityUnitDistance(0, 1)
    } else {
      mapper.setBlendModeToMaximumIntensity()
      project(actor, look.window, look.inverted, mapper.getSampleDistance())
    }
  }

  /** Fewer samples of the volume along a ray make drawing faster. */
  setCoarseness(factor: number): void {
    this.viewport.setSampleDistanceMultiplier(factor)
  }

  addSurface(surface: Surface, colour: Colour4): void {
    const actor = actorOf(surface)
    paint(actor, colour)
    this.surfaces.set(surface.group, actor)
    this.show(surface.group, actor)
  }

  private show(group: number, actor: vtkActor): void {
    this.viewport.addActor({ uid: `surface-${group}`, actor })
    this.setPlanes()
  }

  /** Colours by group; with opacity 0, a surface is hidden. */
  recolour(colourOf: (group: number) => Colour4): void {
    for (const [group, actor] of this.surfaces) paint(actor, colourOf(group))
  }

  removeSurfaces(): void {
    for (const group of [...this.surfaces.keys()]) this.removeSurface(group)
  }

  removeSurface(group: number): void {
    const actor = this.surfaces.get(group)
    if (actor === undefined) return
    this.release([actor])
    if (this.open) this.viewport.removeActors([`surface-${group}`])
    this.surfaces.delete(group)
  }

  /** Forgets everything; the viewport itself is removed with all others. */
  clear(): void {
    this.release()
    this.surfaces.clear()
    this.planes.length = 0
    this.volume = null
  }

  /** Frees the graphics memory of the surfaces: the library would wait for garbage collection. */
  private release(actors: Iterable<vtkActor> = this.surfaces.values()): void {
    if (!this.open) return
    const window = this.engine
      .getOffscreenMultiRenderWindow(this.id)
      .getOpenGLRenderWindow() as Nodes
    for (const actor of actors) {
      const node = window.getViewNodeFor(actor.getMapper())
      for (const part of node?.getReferenceByName('primitives') ?? []) {
        part.releaseGraphicsResources()
      }
    }
  }

  draw(orbit: Orbit, size: Size, halves: readonly Half[]): void {
    this.fitCanvas()
    this.viewport.setCamera({
      focalPoint: orbit.focus,
      position: plus(orbit.focus, orbit.normal, DISTANCE),
      viewUp: orbit.up,
      parallelScale: (orbit.scale(size) * size.height) / 2,
    })
    this.cut(halves)
    this.viewport.getRenderer().resetCameraClippingRange()
    this.engine.renderViewport(this.id)
  }

  /** The library sees that its element has another size only when it is told. */
  private fitCanvas(): void {
    const width = Math.round(this.element.clientWidth * window.devicePixelRatio)
    const height = Math.round(this.element.clientHeight * window.devicePixelRatio)
    const { sWidth, sHeight } = this.viewport
    if (width !== sWidth || height !== sHeight) this.engine.resize(false, true)
  }

  /** The library moves the first two planes with the camera, so all are set again. */
  private cut(halves: readonly Half[]): void {
    if (halves.length !== this.planes.length) {
      this.planes.splice(0, this.planes.length, ...halves.map(() => vtkPlane.newInstance()))
      this.setPlanes()
    }
    halves.forEach(({ origin, normal }, n) => {
      this.planes[n]!.setOrigin(origin)
      this.planes[n]!.setNormal(normal)
    })
  }

  private setPlanes(): void {
    for (const { actor } of this.viewport.getActors()) {
      ;(actor as vtkActor).getMapper()!.setClippingPlanes([...this.planes])
    }
  }

  /** Whether the graphics card reported that its memory is too small. */
  get broken(): boolean {
    return this.gl.getError() === this.gl.OUT_OF_MEMORY
  }

  /** Whether the processor draws. */
  get software(): boolean {
    const { gl } = this
    const names = gl.getExtension('WEBGL_debug_renderer_info')
    const name = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
    return /swiftshader|llvmpipe|software|basic render/i.test(name)
  }

  private get gl(): WebGL2RenderingContext {
    const context = this.engine.getOffscreenMultiRenderWindow(this.id).getOpenGLRenderWindow()
    return (context as { get3DContext: () => WebGL2RenderingContext }).get3DContext()
  }

  private get viewport(): Types.IVolumeViewport & Library {
    return this.engine.getViewport(this.id) as Types.IVolumeViewport & Library
  }
}

interface Nodes {
  getViewNodeFor: (
    mapper: unknown,
  ) => { getReferenceByName: (name: string) => { releaseGraphicsResources: () => void }[] } | null
}

interface Texture {
  modified: () => void
}

interface Library {
  setSampleDistanceMultiplier: (factor: number) => void
}

function actorOf({ points, normals, polys }: Surface): vtkActor {
  const data = vtkPolyData.newInstance()
  data.getPoints().setData(points, 3)
  data.setPolys(vtkCellArray.newInstance({ values: polys }))
  data
    .getPointData()
    .setNormals(
      vtkDataArray.newInstance({ name: 'Normals', numberOfComponents: 3, values: normals }),
    )
  const mapper = vtkMapper.newInstance({ scalarVisibility: false })
  mapper.setInputData(data)
  const actor = vtkActor.newInstance()
  actor.setMapper(mapper)
  return actor
}

/** Lit from the reader; the part that faces the reader has nearly the colour of the legend. */
function paint(actor: vtkActor, [red, green, blue, opacity]: Colour4): void {
  const property = actor.getProperty()
  property.setColor(red / 255, green / 255, blue / 255)
  property.setAmbient(0.25)
  property.setDiffuse(0.75)
  property.setOpacity(opacity / 255)
  actor.setVisibility(opacity > 0)
}

/** One colour whose opacity follows the window: surfaces remain visible behind dark parts. */
function project(actor: vtkVolume, window: Range, inverted: boolean, unit: number): void {
  const property = actor.getProperty()
  const { lower } = window
  const upper = window.upper > lower ? window.upper : lower + THRESHOLD
  const grey = inverted ? 0 : 1
  const colours = vtkColorTransferFunction.newInstance()
  colours.addRGBPoint(lower, grey, grey, grey)
  colours.addRGBPoint(upper, grey, grey, grey)
  const opacity = vtkPiecewiseFunction.newInstance()
  opacity.addPoint(lower, 0)
  opacity.addPoint(upper, 1)
  property.setRGBTransferFunction(0, colours)
  property.setScalarOpacity(0, opacity)
  property.setScalarOpacityUnitDistance(0, unit) // the opacity is of the ray, not of a length
  property.setShade(false)
  property.setUseGradientOpacity(0, false)
  property.setInterpolationTypeToLinear()
}

/** Cornerstone3D, started once: one rendering engine with one WebGL context for all viewers. */

import {
  cache,
  Enums,
  eventTarget,
  imageLoader,
  init,
  RenderingEngine,
  type Types,
  utilities,
  volumeLoader,
} from '@cornerstonejs/core'
import { init as initTools } from '@cornerstonejs/tools'
import { finite } from './finite'
import type { Grid, Numbers } from './nifti'
import type { Space } from './space'

type Releasable = { releaseGraphicsResources: (context?: unknown) => void }
type Stored = Uint8Array | Uint16Array | Int16Array | Float32Array

const CACHE_BYTES = 6 * 2 ** 30 // the page limits scans itself, by their voxels

let engine: RenderingEngine | null = null

/** Throws if the browser has no WebGL 2. `onLost`: the graphics memory was lost. */
export function startEngine(onLost: () => void): RenderingEngine {
  if (engine === null) {
    silence()
    init({ rendering: { webGlContextCount: 1 } } as Parameters<typeof init>[0])
    initTools()
    cache.setMaxCacheSize(CACHE_BYTES)
    engine = new RenderingEngine('tessera')
  }
  eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, onLost)
  return engine
}

/** The library's messages may contain ids of scans. */
function silence(): void {
  const root = utilities.logger.log as {
    getLoggers: () => Record<string, { setLevel: (level: string, persist: boolean) => void }>
  }
  for (const logger of Object.values(root.getLoggers())) logger.setLevel('silent', false)
}

/** The largest texture: [of a volume, of an image]. Throws if the browser has no WebGL 2. */
export function largestTextures(): [number, number] {
  const gl = document.createElement('canvas').getContext('webgl2')
  if (gl === null) throw new Error('This browser has no WebGL 2.')
  const sizes: [number, number] = [
    gl.getParameter(gl.MAX_3D_TEXTURE_SIZE),
    gl.getParameter(gl.MAX_TEXTURE_SIZE),
  ]
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return sizes
}

/** Values in a type that the library can draw; scaled if the file scales them. */
export function drawable({ data, slope, intercept }: Grid): Stored {
  if (slope === 1 && intercept === 0 && isDrawable(data)) return finite(data)
  return finite(Float32Array.from(data as ArrayLike<number>, (value) => value * slope + intercept))
}

function isDrawable(data: Numbers): data is Stored {
  return [Uint8Array, Uint16Array, Int16Array, Float32Array].some((type) => data instanceof type)
}

/** Puts a volume in the library's cache. `dims`: of the drawn voxels. */
export function addVolume(id: string, space: Space, dims: Types.Point3, scalarData: Stored): void {
  volumeLoader.createLocalVolume(id, {
    metadata: { FrameOfReferenceUID: FRAME, Modality: 'OT' } as Types.Metadata,
    dimensions: dims,
    spacing: space.spacing.map((size, n) => size * space.step[n]!) as Types.Point3,
    origin: space.toScene([0, 0, 0]),
    direction: space.directions.flat() as unknown as Types.Mat3,
    scalarData,
  })
  for (let k = 0; k < dims[2]; k++) {
    // The library gives each slice the place of the first one.
    const imagePositionPatient = space.toScene([0, 0, k * space.step[2]])
    addTo(`${id}_slice_${k}`, Enums.MetadataModules.IMAGE_PLANE, {
      imagePositionPatient,
      frameOfReferenceUID: FRAME,
    })
  }
}

export const FRAME = 'tessera'

/** Adds to what the library knows about an image. */
function addTo(imageId: string, type: string, more: object): void {
  const known = utilities.genericMetadataProvider.get(type, imageId) as object
  utilities.genericMetadataProvider.add(imageId, { type, metadata: { ...known, ...more } })
}

/** Puts an image in the library's cache: rows from the top, columns from the left. */
export function addImage(
  id: string,
  space: Space,
  dims: Types.Point3,
  scalarData: Stored,
  referencedImageId?: string,
): void {
  // The library reads the modality of every image.
  utilities.genericMetadataProvider.add(id, {
    type: Enums.MetadataModules.GENERAL_SERIES,
    metadata: { modality: 'OT' },
  })
  const image = imageLoader.createAndCacheLocalImage(id, {
    scalarData,
    dimensions: [dims[0], dims[1]],
    spacing: [space.spacing[0] * space.step[0], space.spacing[1] * space.step[1]],
    origin: [0, 0, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] as unknown as Types.Mat3,
    frameOfReferenceUID: FRAME,
    ...(referencedImageId === undefined ? {} : { referencedImageId }),
    targetBuffer: { type: scalarData.constructor.name as Types.PixelDataTypedArrayString },
  })
  // Without a window, the library's first one runs from 0 to -1, and all later ones are inverted.
  Object.assign(image, { windowCenter: 128, windowWidth: 256 })
  const samplesPerPixel = scalarData.length / (dims[0] * dims[1])
  image.numberOfComponents = samplesPerPixel // the library takes every local image for a grey one
  addTo(id, Enums.MetadataModules.IMAGE_PIXEL, { samplesPerPixel })
}

/** Changes the values of an image that `addImage` put in the cache; they are given upside down. */
export function updateImage(id: string, data: Uint8Array, rowLength: number): void {
  turn(data, cache.getImage(id)!.getPixelData() as Uint8Array, rowLength)
}

/** Rows in reverse order: the last row of an image is at j = 0. */
export function upsideDown<T extends Stored>(data: T, rowLength: number): T {
  const turned = data.slice() as T
  turn(data, turned, rowLength)
  return turned
}

function turn(data: Stored, turned: Stored, rowLength: number): void {
  const rows = data.length / rowLength
  for (let row = 0; row < rows; row++) {
    turned.set(
      data.subarray((rows - 1 - row) * rowLength, (rows - row) * rowLength) as never,
      row * rowLength,
    )
  }
}

/**
 * Removes a viewer's viewports. After those of the last viewer, the memory of all scans is freed,
 * also that of the graphics card, which the library would keep; true then.
 */
export function purge(engine: RenderingEngine, viewports: readonly string[]): boolean {
  const context = contextOf(engine)
  for (const id of viewports) if (engine.getViewport(id) !== undefined) engine.disableElement(id)
  if (engine.getViewports().length > 0) return false
  if (context !== null) {
    for (const { vtkOpenGLTexture: texture } of cache.getVolumes()) {
      ;(texture as Releasable).releaseGraphicsResources(context)
    }
    context.releaseGraphicsResources()
  }
  cache.purgeCache()
  utilities.genericMetadataProvider.clear()
  return true
}

/** Frees the memory of one volume or image, which no viewport shows any more. */
export function discard(engine: RenderingEngine, id: string): void {
  const volume = cache.getVolume(id)
  if (volume !== undefined) {
    ;(volume.vtkOpenGLTexture as Releasable).releaseGraphicsResources(contextOf(engine))
    cache.removeVolumeLoadObject(id)
  }
  for (const imageId of volume?.imageIds ?? [id]) {
    if (cache.getImage(imageId) !== undefined) cache.removeImageLoadObject(imageId, { force: true })
  }
}

/** The graphics context of all viewports; null without any. */
function contextOf(engine: RenderingEngine): Releasable | null {
  const [viewport] = engine.getViewports()
  return viewport === undefined
    ? null
    : engine.getOffscreenMultiRenderWindow(viewport.id).getOpenGLRenderWindow()
}

/** Large images in tiles that the gateway cuts, drawn by OpenSeadragon. */

import OpenSeadragon from 'openseadragon'
import { element } from '../element'
import { address } from '../requests'
import type { Point, Tiles } from '../schemas'
import { cut, type Tiled } from '../tiles'
import { canvasOf, decode, type LabelTile, painted } from './label_tiles'
import type { Legend } from './legend'
import type {
  DrawingSurface,
  MaskStyle,
  ScreenPoint,
  TiledViewer,
  View,
  ViewerEvents,
} from './port'

const MOST_ZOOM = 16 // screen pixels for a pixel of the image
const KEPT = 64 // decoded tiles of the mask
const ATTEMPTS = 4
const PAUSE_MS = 1500 // between two attempts
const UNINTERRUPTED = new AbortController().signal

export function openTiledViewer(root: HTMLElement, events: ViewerEvents): TiledViewer {
  return new DeepZoomViewer(root, events)
}

class DeepZoomViewer implements TiledViewer {
  window = null
  readonly likeCt = false
  readonly windowRefused = false
  readonly rotate = (): boolean => false
  readonly reduction = 1
  inverted = false
  view: View = 'axial'
  readonly active = 'axial'
  readonly grid = null
  private readonly root = element('div.tiled')
  private readonly viewer: OpenSeadragon.Viewer
  private image: Tiled | null = null
  private labels: Tiled | null = null
  private legend: Legend | null = null
  private style: MaskStyle = { visible: true, fill: 0.5, outline: false }
  private readonly decoded = new Map<string, Promise<LabelTile>>()
  private point: Point = [0, 0, 0]
  private painting = 0
  untouched = true

  constructor(
    host: HTMLElement,
    private readonly events: ViewerEvents,
  ) {
    host.append(this.root)
    // Where the library finds this element, which is no style of HTML, it adds no style of its own:
    // the page's policy would refuse it.
    const found = document.createElementNS('urn:tessera', 'style')
    found.setAttribute('data-openseadragon-mobile-css', '')
    document.head.append(found)
    this.viewer = OpenSeadragon({
      element: this.root,
      drawer: 'canvas',
      timeout: 600_000, // ms; tiles have attempts of their own
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: 'BOTTOM_RIGHT',
      keyboardNavEnabled: false, // the page has keys of its own
      tabIndex: '' as unknown as number, // no stop of the tab key: the area around it is one
      maxZoomPixelRatio: MOST_ZOOM,
      // no pixel in two tiles: areas of the mask would be darker there
      subPixelRoundingForTransparency: OpenSeadragon.SUBPIXEL_ROUNDING_OCCURRENCES
        .ALWAYS as unknown as object, // a number, whatever its declaration says
      animationTime: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 0.3,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    })
    for (const event of ['update-viewport', 'animation', 'resize', 'open'] as const) {
      this.viewer.addHandler(event, () => this.events.drawn())
    }
    this.viewer.addHandler('canvas-click', ({ position, quick }) => {
      const item = this.item
      if (!quick || item === undefined) return
      const { x, y } = item.viewerElementToImageCoordinates(position)
      this.untouched = false
      this.pointAt([Math.floor(x), Math.floor(y), 0])
    })
  }

  open(image: Tiled): void {
    this.clear()
    this.root.hidden = false
    this.image = image
    const tileSource = this.source(image, async (src) => ({
      data: await createImageBitmap(await loaded(image, src)),
      type: 'imageBitmap',
    }))
    this.viewer.addTiledImage({ tileSource })
    this.pointAt([image.tiles.width >> 1, image.tiles.height >> 1, 0])
  }

  cover(labels: Tiled, legend: Legend): void {
    this.labels = labels
    this.legend = legend
    this.recolour()
    void this.report()
  }

  clear(): void {
    this.root.hidden = true
    this.image = null
    this.labels = null
    this.legend = null
    this.untouched = true
    this.decoded.clear()
    this.viewer.world.removeAll()
  }

  get mask(): MaskStyle {
    return this.style
  }

  set mask(style: MaskStyle) {
    this.style = style
    this.recolour()
  }

  recolour(): void {
    const { labels, legend } = this
    if (labels === null || legend === null) return
    const tileSource = this.source(labels, async (src) => ({
      data: contextOf(painted(await this.decodedTile(labels, src), legend, this.style)),
      type: 'context2d',
    }))
    this.painting += 1
    const version = `painted-${this.painting}`
    tileSource.hasTransparency = () => true
    tileSource.getTileHashKey = (level, x, y) => `${version}/${level}/${x}_${y}`
    this.viewer.addTiledImage({ tileSource, success: () => this.removeEarlierMasks() })
  }

  /** Only the image, and the mask that was added last, remain. */
  private removeEarlierMasks(): void {
    const { world } = this.viewer
    while (world.getItemCount() > 2) world.removeItem(world.getItemAt(1))
  }

  resetWindow(): void {}

  scroll(): void {}

  jump(world: Point): void {
    const { item } = this
    const { viewport } = this.viewer
    const [x, y] = world
    if (item === undefined) return
    viewport.panTo(item.imageToViewportCoordinates(x, y))
    if (item.viewportToImageZoom(viewport.getZoom()) < 0.5) {
      viewport.zoomTo(item.imageToViewportZoom(1))
    }
    this.untouched = false
    this.pointAt([Math.floor(x), Math.floor(y), 0])
  }

  zoom(factor: number): void {
    this.viewer.viewport.zoomBy(factor).applyConstraints()
  }

  resetZoom(): void {
    this.viewer.viewport.goHome()
  }

  get rows(): number {
    return this.image?.tiles.height ?? 1
  }

  worldOfPixel(row: number, column: number): Point | null {
    return this.image === null ? null : [column, row, 0]
  }

  readonly surfaces = []

  project([x, y]: Point): ScreenPoint[] {
    const { item } = this
    if (item === undefined) return []
    const at = item.imageToViewerElementCoordinates(new OpenSeadragon.Point(x + 0.5, y + 0.5))
    const box = this.root.getBoundingClientRect()
    return [{ plane: 'axial', x: box.left + at.x, y: box.top + at.y }]
  }

  /** The image as it is drawn; undefined before it is. */
  private get item(): OpenSeadragon.TiledImage | undefined {
    return this.viewer.world.getItemAt(0)
  }

  get drawingSurfaces(): DrawingSurface[] {
    const { item, image } = this
    if (item === undefined || image === null) return []
    const { width, height } = image.tiles
    return [
      {
        plane: 'axial',
        root: this.root,
        toPixel: ([x, y]) => item.imageToViewerElementCoordinates(pixel(x + 0.5, y + 0.5)),
        toPoint: ({ x, y }) => {
          const at = item.viewerElementToImageCoordinates(pixel(x, y))
          return [within(at.x, width) - 0.5, within(at.y, height) - 0.5, 0]
        },
        shows: () => true,
        stored: null,
      },
    ]
  }

  get crosshair(): Point {
    return this.point
  }

  step(right: number, down: number): void {
    if (this.image === null) return
    const { width, height } = this.image.tiles
    const [x, y] = this.point
    this.untouched = false
    this.pointAt([within(x + right, width - 1), within(y + down, height - 1), 0])
    this.events.drawn()
  }

  private pointAt(point: Point): void {
    this.point = point
    void this.report()
  }

  /** Tells the number of the label under the point, from the mask in full size. */
  private async report(): Promise<void> {
    const { point, image, labels } = this
    if (image === null) return
    const { width, height, tile_size: size, max_level: level } = image.tiles
    const [column, row] = point
    if (column < 0 || row < 0 || column >= width || row >= height) return
    let label = 0
    if (labels !== null) {
      const src = urlsOf(labels)(level, Math.floor(column / size), Math.floor(row / size))
      const tile = await this.decodedTile(labels, src).catch(() => null)
      label = tile?.numbers[(row % size) * tile.width + (column % size)] ?? 0
    }
    if (point !== this.point) return // another point was chosen meanwhile
    this.events.readout({ world: point, voxel: [column, height - 1 - row, 0], values: [], label })
  }

  private decodedTile(labels: Tiled, src: string): Promise<LabelTile> {
    let tile = this.decoded.get(src)
    if (tile === undefined) {
      tile = loaded(labels, src).then(decode)
      tile.catch(() => this.decoded.delete(src))
      const [oldest] = this.decoded.keys()
      if (this.decoded.size >= KEPT && oldest !== undefined) this.decoded.delete(oldest)
      this.decoded.set(src, tile)
    }
    return tile
  }

  /** The tiles of a picture. If one is missing, the page says so: it would look like no label. */
  private source(picture: Tiled, draw: (src: string) => Promise<Drawn>): OpenSeadragon.TileSource {
    const source = sourceOf(picture.tiles, urlsOf(picture))
    source.downloadTileStart = (job) => {
      draw(job.src).then(
        ({ data, type }) => job.finish(data, null, type),
        (error: unknown) => {
          job.fail(String(error), null)
          if (picture === this.image || picture === this.labels) this.events.incomplete()
        },
      )
    }
    source.downloadTileAbort = () => {} // it is loaded to its end, and kept
    return source
  }
}

/** What the library draws, and its name for that kind of data. */
interface Drawn {
  data: CanvasRenderingContext2D | ImageBitmap
  type: 'context2d' | 'imageBitmap'
}

/** A tile; if it fails, it is asked for again, and the picture is cut again where that is lost. */
async function loaded(picture: Tiled, src: string): Promise<Blob> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(src).catch(() => null)
    if (answer?.ok) return answer.blob()
    if (attempt === ATTEMPTS) throw new Error('A tile could not be loaded.')
    if (answer?.status === 409) await cut(picture.path, UNINTERRUPTED, () => {})
    else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

type Urls = (level: number, column: number, row: number) => string

function urlsOf({ path }: Tiled): Urls {
  return (level, column, row) => address(`${path}/${level}/${row}/${column}`)
}

function sourceOf(tiles: Tiles, getTileUrl: Urls): OpenSeadragon.TileSource {
  const source = new OpenSeadragon.TileSource({
    width: tiles.width,
    height: tiles.height,
    tileSize: tiles.tile_size,
    tileOverlap: 0,
    minLevel: tiles.min_level,
    maxLevel: tiles.max_level,
  } as OpenSeadragon.TileSourceOptions)
  source.getTileUrl = getTileUrl
  return source
}

function pixel(x: number, y: number): OpenSeadragon.Point {
  return new OpenSeadragon.Point(x, y)
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, value))
}

function contextOf(image: ImageData): CanvasRenderingContext2D {
  const context = canvasOf(image.width, image.height)
  context.putImageData(image, 0, 0)
  return context
}

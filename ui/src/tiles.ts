/** Large images: how the gateway cuts them and their masks into tiles. */

import * as api from './api'
import type { Scan, Tiles } from './schemas'
import { voxels } from './text'

const WHOLE = 2 ** 24 // pixels: a larger image is shown in tiles
const AGAIN_MS = 500

/** A picture in tiles: an image, or a mask of it. */
export interface Tiled {
  /** Below `/v1`, such as `scans/1/tiles`. */
  path: string
  tiles: Tiles
}

export function inTiles(scan: Scan): boolean {
  return scan.dimension === 2 && voxels(scan) > WHOLE
}

/** Waits until the picture is cut; `onFraction` is told how far it is. */
export async function cut(
  path: string,
  signal: AbortSignal,
  onFraction: (fraction: number) => void,
): Promise<Tiled> {
  for (;;) {
    const tiles = await api.tiles(path, signal)
    if (tiles.ready) return { path, tiles }
    onFraction(tiles.fraction)
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    signal.throwIfAborted()
  }
}

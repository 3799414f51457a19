/** Tiles of a mask: images whose colours are label numbers, painted in the colours of the legend. */

import type { Legend } from './legend'
import type { MaskStyle } from './port'

export interface LabelTile {
  width: number
  height: number
  numbers: Uint32Array
}

/** The numbers of an image in which a pixel's colour is red + 256 green + 65,536 blue. */
export async function decode(image: Blob): Promise<LabelTile> {
  const bitmap = await createImageBitmap(image, {
    colorSpaceConversion: 'none', // a number must stay the same number
    premultiplyAlpha: 'none',
  })
  const { width, height } = bitmap
  const context = canvasOf(width, height)
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  const { data } = context.getImageData(0, 0, width, height)
  const numbers = new Uint32Array(width * height)
  for (let n = 0; n < numbers.length; n++) {
    numbers[n] = data[4 * n]! + 256 * data[4 * n + 1]! + 65_536 * data[4 * n + 2]!
  }
  return { width, height, numbers }
}

/** Red, green, blue and opacity of each pixel of the tile. */
export function painted(tile: LabelTile, legend: Legend, style: MaskStyle): ImageData {
  const image = new ImageData(tile.width, tile.height)
  if (!style.visible) return image
  const { numbers, width } = tile
  for (let n = 0; n < numbers.length; n++) {
    const number = numbers[n]!
    if (number === 0) continue
    const opacity = legend.opacityOf(number) * (style.outline && isEdge(tile, n) ? 1 : style.fill)
    if (opacity === 0) continue
    const [red, green, blue] = legend.colourOf(number)
    image.data.set([red, green, blue, Math.round(255 * opacity)], 4 * n)
  }
  return image

  function isEdge({ height }: LabelTile, n: number): boolean {
    const column = n % width
    const row = (n - column) / width
    return (
      (column > 0 && numbers[n - 1] !== numbers[n]) ||
      (column < width - 1 && numbers[n + 1] !== numbers[n]) ||
      (row > 0 && numbers[n - width] !== numbers[n]) ||
      (row < height - 1 && numbers[n + width] !== numbers[n])
    )
  }
}

export function canvasOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  return canvas.getContext('2d', { willReadFrequently: true })!
}

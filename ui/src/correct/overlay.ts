/** What a tool shows over the panes: the brush at its true size, and drawings of its own. */

import type { Point } from '../schemas'
import type { DrawingSurface } from '../viewer/port'
import type { Spot } from './tool'

const SVG = 'http://www.w3.org/2000/svg'

export class Overlay {
  private readonly layers = new Map<HTMLElement, SVGElement>()

  /** `drawings`: what the tool draws over a pane. */
  draw(
    surfaces: readonly DrawingSurface[],
    { ring, tag }: AtPointer,
    drawings: (surface: DrawingSurface) => SVGElement[],
  ): void {
    for (const surface of surfaces) {
      const rings = ring === null ? [] : ringsOn(surface, ring)
      const tags = tag?.spot.surface.root === surface.root ? [tagAt(tag)] : []
      this.layerOf(surface.root).replaceChildren(...rings, ...drawings(surface), ...tags)
    }
  }

  clear(): void {
    for (const layer of this.layers.values()) layer.remove()
    this.layers.clear()
  }

  private layerOf(root: HTMLElement): SVGElement {
    let layer = this.layers.get(root)
    if (layer === undefined) {
      layer = svg('svg', { class: 'correcting-layer', 'aria-hidden': 'true' })
      root.append(layer)
      this.layers.set(root, layer)
    }
    return layer
  }
}

/** What follows the pointer. Null: nothing. */
export interface AtPointer {
  ring: Ring | null
  tag: Tag | null
}

/** Words beside the pointer. */
export interface Tag {
  spot: Spot
  text: string
}

/** The brush. */
export interface Ring {
  spot: Spot
  /** mm */
  radius: number
  ball: boolean
  spacing: Point
}

/** A disc is on its own slice; of a ball, each pane shows the section with its slice. */
function ringsOn(surface: DrawingSurface, { spot, radius, ball, spacing }: Ring): SVGElement[] {
  const { stored } = surface
  if (stored === null || (!ball && surface.root !== spot.surface.root)) return []
  const away = (spot.voxel[stored.axis] - stored.index) * spacing[stored.axis]
  const section = radius ** 2 - away ** 2
  if (section <= 0) return []
  const { x, y } = stored.toPixel(spot.voxel)
  const r = Math.sqrt(section) / stored.scale
  return ['halo', 'ring'].map((role) => svg('circle', { class: role, cx: x, cy: y, r }))
}

function tagAt({ spot: { at }, text }: Tag): SVGElement {
  const words = svg('text', { class: 'tag', x: at.x + 14, y: at.y + 22 })
  words.textContent = text
  return words
}

/** An SVG element, for the drawings of tools. */
export function svg(name: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value))
  return node
}

/** One plane on screen: the element that is drawn in, crosshair, corners and orientation letters. */

import type { CornerFacts } from '../corner_facts'
import { element } from '../element'
import type { Point } from '../schemas'
import type { Camera, Size } from './camera'
import { roundLength } from './geometry'
import type { Plane } from './port'
import type { Orientation } from './space'

const SVG = 'http://www.w3.org/2000/svg'
const GAP = 14 // CSS pixels around the crosshair's centre that stay free
const SCALE_BAR = 100 // CSS pixels, at most

export interface Corners extends CornerFacts {
  slice: string
  window: string
  zoom: string
}

export class Pane {
  readonly root: HTMLElement
  /** The library draws in it. */
  readonly element = element('div.slice')
  private readonly cross = svg('svg', 'cross')
  private readonly lines: SVGElement[]
  private readonly corners = {
    subject: element('span.subject'),
    series: element('span.series'),
    date: element('span.date'),
    slice: element('span.corner.slice-number'),
    window: element('span.corner.window'),
    zoom: element('span.corner.zoom'),
  }
  private readonly sides = {
    left: element('span.side', { 'data-side': 'left' }),
    right: element('span.side', { 'data-side': 'right' }),
    top: element('span.side', { 'data-side': 'top' }),
    bottom: element('span.side', { 'data-side': 'bottom' }),
  }
  private readonly bar = element('span.bar')
  private readonly length = element('span.length')

  /** Of the library's viewport. */
  readonly id: string

  /** `viewer`: the name of the viewer, which sets its viewports apart. */
  constructor(
    readonly plane: Plane | 'image',
    viewer = '',
  ) {
    this.id = viewer + plane
    this.lines = [0, 1, 2, 3].map(() => this.cross.appendChild(svg('line')))
    const { subject, series, date, slice, window, zoom } = this.corners
    this.root = element(
      'div.pane',
      { 'data-plane': plane, hidden: true },
      this.element,
      this.cross,
      element(
        'div.overlay',
        { 'aria-hidden': 'true' },
        element('div.corner.about', {}, subject, series, date),
        slice,
        window,
        zoom,
      ),
      element('div.scale', { 'aria-hidden': 'true' }, this.bar, this.length),
      element('div.sides', { 'aria-hidden': 'true' }, ...Object.values(this.sides)),
    )
  }

  get visible(): boolean {
    return !this.root.hidden
  }

  get size(): Size {
    return { width: this.element.clientWidth, height: this.element.clientHeight }
  }

  /** Draws what lies over the slice. */
  overlay(camera: Camera, point: Point, corners: Corners, millimetres: boolean): void {
    const { x, y } = camera.toPixel(point)
    const { width, height } = camera.size
    const ends = [
      [0, y, x - GAP, y],
      [x + GAP, y, width, y],
      [x, 0, x, y - GAP],
      [x, y + GAP, x, height],
    ]
    ends.forEach(([x1, y1, x2, y2], n) => {
      for (const [name, value] of Object.entries({ x1, y1, x2, y2 }))
        this.lines[n]!.setAttribute(name, String(value))
    })
    for (const [name, text] of Object.entries(corners)) {
      this.corners[name as keyof Corners].textContent = text
    }
    this.showScale(camera.scale, millimetres)
    this.showSides(camera.plane)
  }

  private showScale(scale: number, millimetres: boolean): void {
    const length = roundLength(SCALE_BAR * scale)
    this.bar.style.width = `${length / scale}px`
    const unit = millimetres
      ? length >= 10
        ? [length / 10, 'cm']
        : [length, 'mm']
      : [length, 'px']
    this.length.textContent = unit.join(' ')
  }

  private showSides({ letters }: Orientation): void {
    for (const [side, node] of Object.entries(this.sides)) {
      node.textContent = letters?.[side as keyof typeof letters] ?? ''
    }
  }
}

/** The plane whose orientation a pane has. */
export function planeOf({ plane }: Pane): Plane {
  return plane === 'image' ? 'axial' : plane
}

function svg(name: string, className = ''): SVGElement {
  const node = document.createElementNS(SVG, name)
  if (className !== '') node.setAttribute('class', className)
  node.setAttribute('aria-hidden', 'true')
  return node
}

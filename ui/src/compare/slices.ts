/** The slices in which two masks differ, to go through. */

import { element, fill } from '../element'
import { rovingList } from '../roving'
import type { Point } from '../schemas'
import { countText } from '../text'
import { planesOf, toWorld } from '../viewer/geometry'
import type { Plane, Viewer } from '../viewer/port'
import { type MaskDifference, middleOf, neighbour } from './mask_difference'

export class DifferingSlices {
  readonly root = element('section.slices', { 'aria-label': 'Slices with differences' })
  private difference: MaskDifference | null = null
  private viewer: Viewer | null = null
  private listed = ''

  show(viewer: Viewer | null, difference: MaskDifference | null): void {
    this.viewer = viewer
    this.difference = difference
    this.listed = ''
    this.update()
  }

  /** The plane that keys act on, or its slice, may have changed. */
  update(): void {
    const { viewer, difference } = this
    this.root.hidden = viewer === null || difference === null
    if (viewer === null || difference === null) return
    const plane = viewer.active
    if (this.listed !== plane) this.list(difference, plane)
    this.listed = plane
    const { axis } = axisOf(difference, plane)
    const here = this.here(axis)
    const before = this.root.querySelector<HTMLElement>('[aria-current]')
    const now = this.root.querySelector<HTMLElement>(`[data-slice="${here}"]`)
    if (before === now) return
    before?.removeAttribute('aria-current')
    now?.setAttribute('aria-current', 'true')
    now?.scrollIntoView({ block: 'nearest' })
  }

  /** Goes to the next (or previous) slice with differences of the plane that keys act on. */
  step(by: 1 | -1): void {
    const { viewer, difference } = this
    if (viewer === null || difference === null) return
    const { axis, next } = axisOf(difference, viewer.active)
    const to = neighbour(difference.slices[axis], this.here(axis), (by * next) as 1 | -1)
    if (to !== null) this.jump(axis, to)
  }

  /** Goes to the slice of a plane that differs most; false if none does. */
  goToMost(plane: Plane): boolean {
    if (this.difference === null) return false
    const { axis } = axisOf(this.difference, plane)
    const counts = this.difference.slices[axis]
    const largest = counts.reduce((most, count) => Math.max(most, count), 0)
    if (largest === 0) return false
    const most = [...counts.keys()].filter((n) => counts[n] === largest)
    this.jump(axis, most[most.length >> 1]!)
    return true
  }

  private here(axis: 0 | 1 | 2): number {
    const surface = this.viewer?.drawingSurfaces.find(({ stored }) => stored?.axis === axis)
    return surface?.stored?.index ?? 0
  }

  private jump(axis: 0 | 1 | 2, slice: number): void {
    const { viewer, difference } = this
    const voxel: Point | null = difference === null ? null : middleOf(difference, axis, slice)
    if (voxel !== null) viewer?.jump(toWorld(difference!.kinds.affine, voxel))
  }

  private list(difference: MaskDifference, plane: Plane): void {
    const { axis, next } = axisOf(difference, plane)
    const counts = difference.slices[axis]
    const numbers = [...counts.keys()].filter((n) => counts[n]! > 0)
    if (next < 0) numbers.reverse()
    const rows = numbers.map((n) =>
      element(
        'li',
        {},
        element(
          'button',
          { type: 'button', 'data-slice': n, onclick: () => this.jump(axis, n) },
          element('span', {}, String(next > 0 ? n + 1 : counts.length - n)),
          element('span.fact', {}, countText(counts[n]!, 'voxel')),
        ),
      ),
    )
    const flat = counts.length === 1
    this.root.hidden = flat
    fill(
      this.root,
      element(
        'h2',
        {},
        `Slices that differ: ${numbers.length} of ${counts.length}`,
        element('span.fact', {}, ` ${plane}`),
      ),
      numbers.length > 0 &&
        element(
          'p.fact',
          {},
          element('kbd', {}, 'J'),
          ' next, ',
          element('kbd', {}, 'K'),
          ' previous',
        ),
      rovingList('ul', rows),
    )
  }
}

function axisOf({ kinds }: MaskDifference, plane: Plane): { axis: 0 | 1 | 2; next: 1 | -1 } {
  return kinds.dims[2] === 1 ? { axis: 2, next: 1 } : planesOf(kinds.affine)[plane]
}

/** How positions in two scans correspond: by the files, or as the reader aligned them. */

import { element, fill } from '../element'
import type { Point, Scan } from '../schemas'

/** What the files say about positions in both scans. */
export type Positions = 'same' | 'shared' | 'apart' | 'unknown'

export function positionsOf(first: Scan, second: Scan): Positions {
  if (first.id === second.id) return 'same'
  if (first.dimension === 2) return 'unknown'
  const [one, other] = [first.frame_of_reference ?? null, second.frame_of_reference ?? null]
  if (one === null || other === null) return 'unknown'
  return one === other ? 'shared' : 'apart'
}

const TEXTS: Record<Positions, string> = {
  same: '',
  shared: 'Positions are shared: both scans have the same frame of reference.',
  apart: 'Positions are not shared: the scans have different frames of reference.',
  unknown: 'It is not known whether positions are shared: a file states no frame of reference.',
}
const BY_FILE = 'Positions in mm are taken from the files as they are.'
const BY_MIDDLE = 'The middles of the scans were put together, since they do not overlap.'
const BY_HAND = 'Aligned by hand.'
const APART = 'The images move apart. Go to the same place in both, then link them.'

export class Alignment {
  readonly root = element('section.alignment', { 'aria-label': 'Alignment' })
  private readonly said = element('p', { role: 'status', id: 'alignment' })
  private readonly numbers = element('p.fact')
  private readonly link: HTMLButtonElement
  private readonly reset: HTMLButtonElement

  /** `toggle`: link here, or move apart. `reset`: positions as in the files. */
  constructor(toggle: () => void, reset: () => void) {
    this.link = element('button', { type: 'button', id: 'link', onclick: toggle })
    this.reset = element('button.quiet', { type: 'button', onclick: reset }, 'As in the files')
    fill(
      this.root,
      element('h2', {}, 'Alignment'),
      this.said,
      this.numbers,
      element('div.buttons', {}, this.link, this.reset),
    )
  }

  /** `offset` in RAS+ mm; `outside`: a crosshair is outside of the other scan. */
  show(state: {
    positions: Positions
    linked: boolean
    offset: Point
    centred: boolean
    outside: boolean
    flat: boolean
  }): void {
    const { positions, linked, offset, centred, outside, flat } = state
    this.root.hidden = positions === 'same'
    const moved = offset.some((mm) => Math.abs(mm) >= 0.005)
    const how = !linked ? APART : centred ? BY_MIDDLE : moved ? BY_HAND : BY_FILE
    const said = [TEXTS[positions], how, outside ? 'This place is outside of one scan.' : '']
    const text = said.filter((one) => one !== '').join(' ')
    if (this.said.textContent !== text) this.said.textContent = text
    const axes = flat ? ['right', 'down'] : ['R', 'A', 'S']
    const parts = axes.map((axis, n) => `${axis} ${offset[n]!.toFixed(1)}`)
    this.numbers.textContent = moved ? `Offset: ${parts.join(', ')} ${flat ? '' : 'mm'}`.trim() : ''
    fill(
      this.link,
      linked ? 'Move apart' : 'Link here',
      element('kbd', { 'aria-hidden': 'true' }, 'L'),
    )
    this.reset.hidden = !moved
  }
}

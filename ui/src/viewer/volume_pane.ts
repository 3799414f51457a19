/** The 3D pane on screen: the element that is drawn in, orientation letters, and its controls. */

import { element, fill } from '../element'
import { roveToolbar } from '../roving'
import type { Point } from '../schemas'
import type { Size } from './camera'
import type { Cut, Cuts } from './clip'
import { lettersOf, PLANES, scaled } from './geometry'
import type { Orbit } from './orbit'
import type { Plane } from './port'
import type { VolumePreset } from './volume_presets'

/** What is drawn besides the surfaces of the labels. */
export type Mode = 'labels' | 'volume' | 'projection'

const MODES: [Mode, string][] = [
  ['labels', 'Labels'],
  ['volume', 'Volume'],
  ['projection', 'MIP'],
]

/** Where the reader is: towards them, and up, in the scene (LPS). */
export const SIDES: Record<string, [Point, Point]> = {
  Front: [
    [0, -1, 0],
    [0, 0, 1],
  ],
  Back: [
    [0, 1, 0],
    [0, 0, 1],
  ],
  Left: [
    [1, 0, 0],
    [0, 0, 1],
  ],
  Right: [
    [-1, 0, 0],
    [0, 0, 1],
  ],
  Head: [
    [0, 0, 1],
    [0, -1, 0],
  ],
  Feet: [
    [0, 0, -1],
    [0, -1, 0],
  ],
}

const CUT_NAMES: Record<Plane, string> = {
  axial: 'Axial',
  coronal: 'Coronal',
  sagittal: 'Sagittal',
}

export interface PaneEvents {
  mode: (mode: Mode) => void
  preset: (name: string) => void
  from: (side: string) => void
  cut: (plane: Plane, change: Partial<Cut>) => void
  /** Whether cuts go through the crosshair. */
  follow: (on: boolean) => void
}

interface CutControls {
  on: HTMLInputElement
  share: HTMLInputElement
  beyond: HTMLButtonElement
}

export class VolumePane {
  readonly root: HTMLElement
  /** The library draws in it. */
  readonly element = element('div.slice')
  private readonly mode: HTMLSelectElement
  private readonly preset: HTMLSelectElement
  private readonly cuts: Record<Plane, CutControls>
  private readonly follow: HTMLInputElement
  private readonly note = element('p.volume-note', { role: 'status' })
  private readonly problem = element('p.volume-problem', { role: 'alert', hidden: true })
  private readonly here = element('span.here', { 'aria-hidden': 'true', hidden: true })
  private readonly sides = ['left', 'right', 'top', 'bottom'].map((side) =>
    element('span.side', { 'data-side': side }),
  )

  constructor(private readonly events: PaneEvents) {
    this.mode = chooser('What is drawn in 3D', MODES, (value) => events.mode(value as Mode))
    this.preset = chooser('Look of the volume', [], (value) => events.preset(value))
    this.cuts = Object.fromEntries(
      PLANES.map((plane) => [plane, this.cutControls(plane)]),
    ) as Record<Plane, CutControls>
    this.follow = element('input', {
      type: 'checkbox',
      checked: true,
      onchange: () => events.follow(this.follow.checked),
    })
    this.root = element(
      'div.pane',
      { 'data-plane': 'volume', hidden: true },
      this.element,
      element('div.sides', { 'aria-hidden': 'true' }, ...this.sides),
      this.here,
      this.note,
      this.problem,
      this.bar(),
    )
  }

  private bar(): HTMLElement {
    const sides = Object.keys(SIDES).map((side): [string, string] => [side, side])
    const from = chooser('View from', [['', 'View from'], ...sides], (side) => {
      from.value = ''
      if (side !== '') this.events.from(side)
    })
    const panel = element(
      'div.cuts',
      { id: 'cuts', hidden: true, role: 'group', 'aria-label': 'Cuts' },
      ...PLANES.map((plane) => this.cutRow(plane)),
      element('label', {}, this.follow, 'Through the crosshair'),
    )
    const button = element(
      'button',
      {
        type: 'button',
        'aria-expanded': 'false',
        'aria-controls': 'cuts',
        title: 'Cut parts of the volume away',
        onclick: () => {
          panel.hidden = !panel.hidden
          button.ariaExpanded = String(!panel.hidden)
        },
      },
      'Cut',
    )
    const choices = element('div.choices', {}, this.mode, this.preset, from, button)
    const bar = element('div.volume-tools', { role: 'toolbar', 'aria-label': '3D' }, choices, panel)
    for (const kind of ['pointerdown', 'dblclick', 'wheel', 'contextmenu']) {
      bar.addEventListener(kind, (event) => event.stopPropagation())
    }
    roveToolbar(choices)
    return bar
  }

  private cutControls(plane: Plane): CutControls {
    const name = CUT_NAMES[plane]
    const on = element('input', {
      type: 'checkbox',
      onchange: () => this.events.cut(plane, { on: on.checked }),
    })
    const share = element('input', {
      type: 'range',
      min: 0,
      max: 1,
      step: 0.005,
      'aria-label': `Place of the ${name.toLowerCase()} cut`,
      oninput: () => this.events.cut(plane, { on: true, share: Number(share.value) }),
    })
    const beyond = element(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        'aria-label': `Other side of the ${name.toLowerCase()} cut`,
        title: 'Remove the other side',
        onclick: () => this.events.cut(plane, { beyond: beyond.ariaPressed !== 'true' }),
      },
      '⇄',
    )
    return { on, share, beyond }
  }

  private cutRow(plane: Plane): HTMLElement {
    const { on, share, beyond } = this.cuts[plane]
    const label = element('label', {}, on, CUT_NAMES[plane])
    return element('div.cut', { 'data-cut': plane }, label, share, beyond)
  }

  get visible(): boolean {
    return !this.root.hidden
  }

  /** CSS pixels. */
  get size(): Size {
    return { width: this.root.clientWidth, height: this.root.clientHeight }
  }

  /** The choices for a scan. `drawable`: whether the volume itself can be drawn. */
  offer(presets: VolumePreset[], preset: string, mode: Mode, drawable: boolean): void {
    const options = presets.map(({ name, text }) => element('option', { value: name }, text))
    fill(this.preset, ...options)
    this.preset.value = preset
    this.mode.value = mode
    for (const option of this.mode.options) option.disabled = option.value !== 'labels' && !drawable
    this.preset.hidden = mode !== 'volume'
  }

  showCuts(cuts: Cuts, follow: boolean): void {
    for (const plane of PLANES) {
      const { on, share, beyond } = this.cuts[plane]
      on.checked = cuts[plane].on
      share.value = String(cuts[plane].share)
      beyond.ariaPressed = String(cuts[plane].beyond)
    }
    this.follow.checked = follow
  }

  showNote(text: string): void {
    this.note.textContent = text
  }

  /** Says why there is no 3D view; null: there is one. */
  showProblem(text: string | null): void {
    this.problem.hidden = text === null
    this.problem.textContent = text
  }

  /** Draws what lies over the volume: letters, and where the crosshair is. */
  overlay(orbit: Orbit, crosshair: Point): void {
    const { right, up } = orbit
    const ends = [scaled(right, -1), right, up, scaled(up, -1)]
    this.sides.forEach((side, n) => {
      const [x, y, z] = ends[n]!
      side.textContent = lettersOf([-x, -y, z])
    })
    const { x, y } = orbit.toPixel(crosshair, this.size)
    this.here.hidden = false
    this.here.style.left = `${x}px`
    this.here.style.top = `${y}px`
  }
}

function chooser(
  name: string,
  options: readonly (readonly [string, string])[],
  onchange: (value: string) => void,
): HTMLSelectElement {
  const select = element(
    'select',
    { 'aria-label': name, title: name, onchange: () => onchange(select.value) },
    ...options.map(([value, text]) => element('option', { value }, text)),
  )
  return select
}

/** The tools of a comparison: the planes, how masks are drawn, side by side or the difference. */

import { element } from '../element'
import { hiddenText, type MaskLook, styleOf } from '../mask_look'
import { recall, remember } from '../preferences'
import { roveToolbar } from '../roving'
import { pressed, toggle, toggleButton } from '../toggle'
import { isPlane } from '../viewer/panes'
import type { MaskStyle, View } from '../viewer/port'
import { fullScreenButton } from '../views/full_screen'

const VIEWS: [View, string, string, string][] = [
  ['planes', '3', 'Three planes', '1'],
  ['axial', 'Ax', 'Axial plane', '2'],
  ['coronal', 'Cor', 'Coronal plane', '3'],
  ['sagittal', 'Sag', 'Sagittal plane', '4'],
]

export interface ToolbarEvents {
  view: (view: View) => void
  difference: (shown: boolean) => void
  mask: (style: MaskStyle) => void
  zoom: (factor: number) => void
  invert: () => void
  reset: () => void
}

export class CompareToolbar {
  readonly root: HTMLElement
  /** Says over the images that nothing is seen of the masks. */
  readonly note = element('p.mask-hidden', { role: 'status' })
  view: View
  private readonly views: HTMLButtonElement[]
  private readonly beside: HTMLButtonElement
  private readonly over: HTMLButtonElement
  private readonly viewGroup: HTMLElement
  private readonly shown = toggleButton('Mask', 'Show or hide the masks (M)', true)
  private readonly outline = toggleButton('Outline', 'Draw the outlines of the masks (O)', true)
  private readonly filled = toggleButton('Fill', 'Fill the areas of the masks (F)', true)
  private readonly opacity = element('input', {
    type: 'range',
    'aria-label': 'Opacity of the areas of masks',
    title: 'Opacity of the areas ( [ and ] )',
    min: 0,
    max: 100,
    step: 5,
    value: recall('opacity', '50'),
  })

  constructor(private readonly events: ToolbarEvents) {
    const stored = recall('compare-view', 'axial')
    this.view = isPlane(stored) || stored === 'planes' ? stored : 'axial'
    this.views = VIEWS.map(([view, label, name, key]) => {
      const button = toggleButton(label, `${name} (${key})`, view === this.view)
      button.ariaLabel = name
      button.onclick = () => this.show(view)
      return button
    })
    this.beside = toggleButton('Side by side', 'Both images (D)', true)
    this.over = toggleButton('Difference', 'The differences over one image (D)', false)
    this.beside.onclick = () => events.difference(false)
    this.over.onclick = () => events.difference(true)
    for (const button of [this.shown, this.outline, this.filled]) {
      button.onclick = () => this.press(button)
    }
    this.opacity.oninput = () => this.apply()
    this.viewGroup = group('View', ...this.views)
    this.root = element(
      'div.tools',
      { role: 'toolbar', 'aria-label': 'Images' },
      group('Comparison', this.beside, this.over),
      this.viewGroup,
      group('Masks', this.shown, this.outline, this.filled, this.opacity),
      group(
        'Zoom',
        tool('Invert', 'Invert the grey values (I)', events.invert),
        tool('−', 'Zoom out (-)', () => events.zoom(1 / 1.25)),
        tool('+', 'Zoom in (+)', () => events.zoom(1.25)),
        tool('Reset', 'Reset zoom, position and window (0)', events.reset),
        fullScreenButton(),
      ),
    )
    roveToolbar(this.root)
  }

  /** What can be chosen: an image has one plane, and there may be no difference. */
  offer(flat: boolean, difference: boolean): void {
    this.viewGroup.hidden = flat
    this.over.disabled = !difference
  }

  set difference(shown: boolean) {
    this.beside.ariaPressed = String(!shown)
    this.over.ariaPressed = String(shown)
  }

  show(view: View): void {
    this.view = view
    remember('compare-view', view)
    for (const [n, [one]] of VIEWS.entries()) this.views[n]!.ariaPressed = String(one === view)
    this.events.view(view)
  }

  byKey(key: string): void {
    const view = VIEWS.find(([, , , shortcut]) => shortcut === key)?.[0]
    if (view !== undefined && !this.viewGroup.hidden) this.show(view)
  }

  get style(): MaskStyle {
    return styleOf(this.look)
  }

  private get look(): MaskLook {
    return {
      shown: pressed(this.shown),
      filled: pressed(this.filled),
      outline: pressed(this.outline),
      opacity: Number(this.opacity.value),
    }
  }

  /** Shows the masks, if a reader has hidden those of another comparison. */
  showMasks(): void {
    if (hiddenText(this.look) === '') return
    for (const button of [this.shown, this.outline, this.filled]) button.ariaPressed = 'true'
    this.apply()
  }

  toggleMask = (): void => this.press(this.shown)
  toggleFill = (): void => this.press(this.filled)
  toggleOutline = (): void => this.press(this.outline)

  changeOpacity(by: number): void {
    this.opacity.value = String(Number(this.opacity.value) + by)
    this.apply()
  }

  private press(button: HTMLButtonElement): void {
    toggle(button)
    this.apply()
  }

  private apply(): void {
    remember('opacity', this.opacity.value)
    this.note.textContent = hiddenText(this.look)
    this.events.mask(this.style)
  }
}

function tool(label: string, title: string, onclick: () => void): HTMLButtonElement {
  return element('button', { type: 'button', title, 'aria-label': title, onclick }, label)
}

function group(name: string, ...children: HTMLElement[]): HTMLElement {
  return element('div.group', { role: 'group', 'aria-label': name }, ...children)
}

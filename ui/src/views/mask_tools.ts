/** How the mask is drawn: shown or hidden, its areas, their opacity, and its outlines. */

import { element } from '../element'
import { recall, remember } from '../preferences'
import { pressed, toggle, toggleButton } from '../toggle'
import type { MaskStyle } from '../viewer/port'

export class MaskTools {
  readonly root: HTMLElement
  private readonly opacity: HTMLInputElement
  private readonly percent = element('output', { for: 'opacity' })
  private readonly shown = toggleButton('Mask', 'Show or hide the mask (M)', true, () =>
    this.toggleMask(),
  )
  private readonly filled = toggleButton(
    'Fill',
    'Fill the areas of the mask (F)',
    recall('fill', 'true') === 'true',
    () => this.toggleFill(),
  )
  private readonly outline = toggleButton(
    'Outline',
    'Draw the outlines of the mask (O)',
    recall('outline', 'true') === 'true',
    () => this.toggleOutline(),
  )

  /** `draw` gets the style that was chosen. */
  constructor(private readonly draw: (style: MaskStyle) => void) {
    this.opacity = element('input', {
      type: 'range',
      id: 'opacity',
      'aria-label': 'Opacity of the areas',
      title: 'Opacity of the areas ( [ and ] )',
      min: 0,
      max: 100,
      step: 5,
      value: recall('opacity', '50'),
      oninput: () => this.apply(),
    })
    this.root = element(
      'div.group',
      { role: 'group', 'aria-label': 'Mask' },
      this.shown,
      this.outline,
      this.filled,
      this.opacity,
      this.percent,
    )
  }

  changeOpacity(by: number): void {
    this.opacity.value = String(Number(this.opacity.value) + by)
    this.apply()
  }

  /** Shows the mask, if a reader has hidden that of another scan. */
  show(): void {
    if (!pressed(this.shown)) this.toggleMask()
  }

  toggleMask(): void {
    toggle(this.shown)
    this.apply()
  }

  toggleFill(): void {
    remember('fill', String(toggle(this.filled)))
    this.apply()
  }

  toggleOutline(): void {
    remember('outline', String(toggle(this.outline)))
    this.apply()
  }

  /** Draws the mask in the chosen style. */
  apply(): void {
    const value = Number(this.opacity.value)
    this.percent.value = `${value} %`
    remember('opacity', String(value))
    const area = pressed(this.filled) ? value / 100 : 0
    this.draw({ visible: pressed(this.shown), fill: area, outline: pressed(this.outline) })
  }
}

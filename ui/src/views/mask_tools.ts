/** How the mask is drawn: shown or hidden, its areas, their opacity, and its outlines. */

import { element } from '../element'
import { hiddenText, keepLook, type MaskLook, recallLook, styleOf } from '../mask_look'
import { pressed, toggle, toggleButton } from '../toggle'
import type { MaskStyle } from '../viewer/port'

export class MaskTools {
  readonly root: HTMLElement
  /** Says over the image that nothing is seen of the mask. */
  readonly note = element('p.mask-hidden', { role: 'status' })
  private readonly opacity: HTMLInputElement
  private readonly percent = element('output', { for: 'opacity' })
  private readonly shown = toggleButton('Mask', 'Show or hide the mask (M)', true, () =>
    this.toggleMask(),
  )
  private readonly filled = toggleButton('Fill', 'Fill the areas of the mask (F)', true, () =>
    this.toggleFill(),
  )
  private readonly outline = toggleButton(
    'Outline',
    'Draw the outlines of the mask (O)',
    true,
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
      oninput: () => this.apply(),
    })
    this.look = recallLook()
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
    if (hiddenText(this.look) === '') return
    this.look = recallLook()
    this.apply()
  }

  toggleMask(): void {
    toggle(this.shown)
    this.apply()
  }

  toggleFill(): void {
    toggle(this.filled)
    this.apply()
  }

  toggleOutline(): void {
    toggle(this.outline)
    this.apply()
  }

  /** Draws the mask in the chosen style. */
  apply(): void {
    const { look } = this
    this.percent.value = `${look.opacity} %`
    this.note.textContent = hiddenText(look)
    keepLook(look)
    this.draw(styleOf(look))
  }

  private get look(): MaskLook {
    return {
      shown: pressed(this.shown),
      filled: pressed(this.filled),
      outline: pressed(this.outline),
      opacity: Number(this.opacity.value),
    }
  }

  private set look({ shown, filled, outline, opacity }: MaskLook) {
    this.shown.ariaPressed = String(shown)
    this.filled.ariaPressed = String(filled)
    this.outline.ariaPressed = String(outline)
    this.opacity.value = String(opacity)
  }
}

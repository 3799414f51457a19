/** How masks are drawn, as the tools show it, and whether anything is seen of them then. */

import { recall, remember } from './preferences'
import type { MaskStyle } from './viewer/port'

export interface MaskLook {
  shown: boolean
  filled: boolean
  outline: boolean
  /** Of the areas, in percent. */
  opacity: number
}

export function styleOf({ shown, filled, outline, opacity }: MaskLook): MaskStyle {
  return { visible: shown, fill: filled ? opacity / 100 : 0, outline }
}

/** Why nothing is seen of a mask, and which keys change it; empty if it is seen. */
export function hiddenText(look: MaskLook): string {
  const { visible, fill, outline } = styleOf(look)
  if (!visible) return 'The mask is hidden. M shows it.'
  if (fill > 0 || outline) return ''
  if (look.filled) return 'The mask is hidden: its areas have no opacity. ] or O shows it.'
  return 'The mask is hidden: neither areas nor outlines are drawn. F or O shows it.'
}

/** The look that was kept last. */
export function recallLook(): MaskLook {
  const look = {
    shown: true,
    filled: recall('fill', 'true') === 'true',
    outline: recall('outline', 'true') === 'true',
    opacity: Number(recall('opacity', '50')),
  }
  return hiddenText(look) === '' ? look : { ...look, outline: true } // the opacity is of all views
}

/** Keeps it for the next scans, unless it hides masks: a reader might take that for no finding. */
export function keepLook(look: MaskLook): void {
  if (hiddenText(look) !== '') return
  remember('fill', String(look.filled))
  remember('outline', String(look.outline))
  remember('opacity', String(look.opacity))
}

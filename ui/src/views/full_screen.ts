/** The page in full screen: the job without the worklist. */

import { element } from '../element'

const SVG = 'http://www.w3.org/2000/svg'

export function fullScreenButton(): HTMLButtonElement {
  const button = element(
    'button',
    {
      type: 'button',
      'aria-label': 'Full screen',
      'aria-pressed': 'false',
      title: 'Full screen (X)',
      hidden: !document.fullscreenEnabled,
      onclick: toggleFullScreen,
    },
    icon(),
  )
  document.addEventListener('fullscreenchange', () => {
    button.ariaPressed = String(document.fullscreenElement !== null)
  })
  return button
}

/** Four corners; the usual sign for it is missing in many fonts. */
function icon(): SVGElement {
  const drawing = document.createElementNS(SVG, 'svg')
  drawing.setAttribute('viewBox', '0 0 16 16')
  drawing.setAttribute('class', 'icon')
  drawing.setAttribute('aria-hidden', 'true')
  const corners = document.createElementNS(SVG, 'path')
  corners.setAttribute('d', 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4')
  drawing.append(corners)
  return drawing
}

/** The browser may refuse or have none, for example in a frame: then nothing happens. */
export function toggleFullScreen(): void {
  if (!document.fullscreenEnabled) return
  const change =
    document.fullscreenElement === null
      ? document.documentElement.requestFullscreen()
      : document.exitFullscreen()
  change.catch(() => undefined)
}

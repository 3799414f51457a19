/** The page in full screen: the job without the worklist. */

import { element } from '../element'

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
    '⛶',
  )
  document.addEventListener('fullscreenchange', () => {
    button.ariaPressed = String(document.fullscreenElement !== null)
  })
  return button
}

/** The browser may refuse, for example in a frame: then nothing happens. */
export function toggleFullScreen(): void {
  const change =
    document.fullscreenElement === null
      ? document.documentElement.requestFullscreen()
      : document.exitFullscreen()
  change.catch(() => undefined)
}

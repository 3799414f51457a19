/** The keys of a comparison. */

import type { Keys } from '../shortcuts'
import { CT_PRESETS } from '../viewer/voi'
import { toggleFullScreen } from '../views/full_screen'
import type { Images } from './images'
import type { CompareToolbar } from './toolbar'

/** Those that act on the images, as in the review. */
export function imageKeys(images: Images, toolbar: CompareToolbar): Keys {
  const { viewer } = images.used
  const views = ['1', '2', '3', '4'].map((key) => [key, () => toolbar.byKey(key)])
  const presets = CT_PRESETS.map(({ key }) => [
    `Shift+${key}`,
    () => images.setWindow((side) => side.windows.setByKey(key)),
  ])
  return {
    ...Object.fromEntries([...views, ...presets]),
    l: () => images.toggleLink(),
    t: () => images.other.focus(),
    m: toolbar.toggleMask,
    f: toolbar.toggleFill,
    o: toolbar.toggleOutline,
    x: toggleFullScreen,
    i: () => images.invert(),
    w: () => images.setWindow((side) => side.windows.next()),
    q: () => {
      for (const side of images.sides) side.toggleCrosshair()
    },
    '[': () => toolbar.changeOpacity(-10),
    ']': () => toolbar.changeOpacity(10),
    '+': () => viewer?.zoom(1.25),
    '=': () => viewer?.zoom(1.25),
    '-': () => viewer?.zoom(1 / 1.25),
    '0': () => images.reset(),
    'Shift+0': () => images.setWindow((side) => side.resetWindow()),
    ArrowUp: () => viewer?.scroll(-1),
    ArrowDown: () => viewer?.scroll(1),
    PageUp: () => viewer?.scroll(-10),
    PageDown: () => viewer?.scroll(10),
    'Shift+ArrowLeft': () => viewer?.step(-1, 0),
    'Shift+ArrowRight': () => viewer?.step(1, 0),
    'Shift+ArrowUp': () => viewer?.step(0, -1),
    'Shift+ArrowDown': () => viewer?.step(0, 1),
  }
}

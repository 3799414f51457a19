/** The dialog that lists keys and mouse actions. */

import { element } from './element'

const KEYS: [string, string][] = [
  ['A', 'accept the mask'],
  ['R', 'reject the mask: 1 to 6 choose reasons, Enter rejects, Escape cancels'],
  ['U', 'undo the verdict that was just given'],
  ['S', 'skip: open the next mask that waits for a review'],
  ['V', 'second reading: show the next reader’s mask'],
  ['D', 'second reading: decide for the mask that is shown'],
  ['C', 'write a comment; Escape leaves it'],
  ['J, K', 'next, previous job'],
  ['N', 'new segmentation'],
  ['M', 'show or hide the mask'],
  ['F', 'fill the areas of the mask'],
  ['O', 'draw the outlines of the mask'],
  ['[ , ]', 'decrease, increase the opacity of the areas'],
  ['1 to 5', 'change the view: 3 planes, axial, coronal, sagittal, one large plane and two small'],
  ['Shift + 1 to 6', 'window for CT: brain, subdural, lung, abdomen, liver, bone'],
  ['I', 'invert the grey values'],
  ['↓, ↑', 'next, previous slice of the plane that was used last'],
  ['Page ↓, Page ↑', 'ten slices forward, back'],
  ['+, −', 'zoom in, zoom out'],
  ['0', 'reset zoom, position and window'],
  ['Click, drag', 'move the crosshair'],
  ['Double click', 'show one plane alone, or all again'],
  ['Wheel', 'next, previous slice of a volume; zoom a 2D image'],
  ['Ctrl + wheel', 'zoom in, zoom out'],
  ['Right-button drag', 'window: right widens it, down brightens the image'],
  ['Shift + drag, middle-button drag', 'move the image'],
]

export function shortcutsDialog(): HTMLDialogElement {
  const dialog = element(
    'dialog.help',
    { 'aria-labelledby': 'help-title' },
    element('h2', { id: 'help-title' }, 'Keys and mouse'),
    element(
      'dl',
      {},
      ...KEYS.flatMap(([key, action]) => [
        element('dt', {}, element('kbd', {}, key)),
        element('dd', {}, action),
      ]),
    ),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  )
  return dialog
}

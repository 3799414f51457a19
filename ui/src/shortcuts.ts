/** The dialog that lists keys and mouse actions. */

import { element } from './element'

const KEYS: [string, string][] = [
  ['A', 'accept the mask'],
  ['R', 'reject the mask: 1 to 6 choose reasons, Enter rejects, Escape cancels'],
  ['U', 'undo the verdict that was just given'],
  ['S', 'skip: open the next mask that waits for a review'],
  ['C', 'write a comment; Escape leaves it'],
  ['J, K', 'next, previous job'],
  ['N', 'new segmentation'],
  ['M', 'show or hide the mask'],
  ['F', 'fill the areas of the mask'],
  ['O', 'draw the outlines of the mask'],
  ['[ , ]', 'decrease, increase the opacity of the areas'],
  ['1 to 5', 'change the view: 3 planes, axial, coronal, sagittal, one large plane and two small'],
  ['6, 7, 8', 'three planes and 3D, 3D alone, two side by side'],
  ['X', 'full screen, without the worklist'],
  ['Shift + 1 to 6', 'window for CT: brain, subdural, lung, abdomen, liver, bone'],
  ['Shift + 0', 'window of the start: that of the file, or the automatic one'],
  ['I', 'invert the grey values'],
  [
    'L, G, B, E, P',
    'measure a length, an angle, a rectangle (box), an ellipse, a value at a point',
  ],
  ['.', 'while measuring: place a point at the crosshair'],
  ['Shift + arrow keys', 'move the crosshair on its slice by one voxel'],
  ['Escape', 'while measuring: cancel the drawing, or end measuring'],
  ['H', 'hide or show all measurements'],
  ['Delete, Z', 'delete the selected measurement, undo the deletion'],
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
  ['Drag in 3D', 'turn the view; a click on a surface moves the crosshair there'],
  ['Wheel in 3D', 'zoom in, zoom out'],
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

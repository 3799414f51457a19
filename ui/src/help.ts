/** The keys and the mouse, on one card. */

import { element } from './element'

const KEYS: [string, string][] = [
  ['A', 'accept the mask'],
  ['R', 'reject it'],
  ['J, K', 'next, previous job'],
  ['N', 'new segmentation'],
  ['M', 'show or hide the mask'],
  ['O', 'borders of the mask only'],
  ['[ , ]', 'mask less, more opaque'],
  ['1 to 5', '3 planes, axial, coronal, sagittal, 3D'],
  ['↑, ↓', 'next, previous slice'],
  ['+, −, 0', 'zoom in, out, reset'],
  ['Click, drag', 'move the crosshair'],
  ['Wheel', 'slices of a volume; zoom of a picture'],
  ['Ctrl + wheel', 'zoom'],
  ['Right drag', 'brightness and contrast'],
  ['Shift + drag', 'move the picture'],
]

export function helpCard(): HTMLDialogElement {
  const card = element(
    'dialog.help',
    { 'aria-labelledby': 'help-title' },
    element('h2', { id: 'help-title' }, 'Keys and mouse'),
    element(
      'dl',
      {},
      ...KEYS.flatMap(([key, act]) => [
        element('dt', {}, element('kbd', {}, key)),
        element('dd', {}, act),
      ]),
    ),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  )
  return card
}

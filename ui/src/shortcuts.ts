/**
 * Keys and mouse actions: the one table of them. The help sheet and docs/reference/review-page.md
 * show it, and only keys that are in it can be given an action.
 */

import { REASONS } from './reasons'

export interface Shortcut {
  /** As `Keys` names them; none for what the browser, the mouse or a list handles. */
  keys: readonly string[]
  shown: string
  does: string
  /** Whether it acts again and again while the key is held. */
  held?: true
}

export const SHORTCUTS = [
  { keys: ['a'], shown: 'A', does: 'accept the mask' },
  {
    keys: ['r', 'Enter'],
    shown: 'R',
    does: `reject the mask: 1 to ${REASONS.length} choose reasons, Enter rejects, Escape cancels`,
  },
  {
    keys: ['u'],
    shown: 'U',
    does: 'undo the verdict, or the verdicts on several masks, just given',
  },
  { keys: ['t'], shown: 'T', does: 'correct the mask, or go on with its correction' },
  { keys: ['s'], shown: 'S', does: 'skip, or begin: open the next mask that waits for a review' },
  { keys: ['v'], shown: 'V', does: 'second reading: show the next reader’s mask' },
  { keys: ['d'], shown: 'D', does: 'second reading: decide for the mask that is shown' },
  { keys: ['c'], shown: 'C', does: 'write a comment; Escape leaves it' },
  {
    keys: ['y'],
    shown: 'Y',
    does: 'compare the mask with another one, or the scan with another one',
  },
  { keys: ['j', 'k'], shown: 'J, K', does: 'next, previous job of the list that is shown' },
  {
    keys: [],
    shown: '↓, ↑, Page ↓, Page ↑, Home, End',
    does: 'in the worklist: move between rows; Enter opens one',
  },
  {
    keys: [],
    shown: 'Space, Shift + ↓, ↑',
    does: 'in the worklist: choose the row, or several rows',
  },
  { keys: [], shown: 'Ctrl + A, Escape', does: 'in the worklist: choose all rows, or none' },
  { keys: ['n'], shown: 'N', does: 'new segmentation' },
  { keys: ['?'], shown: '?', does: 'list of keys' },
  { keys: ['m'], shown: 'M', does: 'show or hide the mask' },
  { keys: ['f'], shown: 'F', does: 'fill the areas of the mask' },
  { keys: ['o'], shown: 'O', does: 'draw the outlines of the mask' },
  {
    keys: ['[', ']'],
    shown: '[ , ]',
    does: 'decrease, increase the opacity of the areas',
    held: true,
  },
  {
    keys: ['1', '2', '3', '4', '5'],
    shown: '1 to 5',
    does: 'change the view: 3 planes, axial, coronal, sagittal, one large plane and two small',
  },
  {
    keys: ['6', '7', '8'],
    shown: '6, 7, 8',
    does: 'change the view: three planes and 3D, 3D alone, two side by side',
  },
  { keys: ['x'], shown: 'X', does: 'full screen, without the worklist' },
  {
    keys: ['Shift+1', 'Shift+2', 'Shift+3', 'Shift+4', 'Shift+5', 'Shift+6'],
    shown: 'Shift + 1 to 6',
    does: 'window for CT: brain, subdural, lung, abdomen, liver, bone',
  },
  {
    keys: ['Shift+0'],
    shown: 'Shift + 0',
    does: 'window of the start: that of the file, or the automatic one',
  },
  {
    keys: ['w'],
    shown: 'W',
    does: 'next window of the list: those of the file, the automatic one, those for CT',
  },
  { keys: ['i'], shown: 'I', does: 'invert the grey values' },
  { keys: ['q'], shown: 'Q', does: 'show or hide the crosshair' },
  {
    keys: ['l', 'g', 'b', 'e', 'p'],
    shown: 'L, G, B, E, P',
    does: 'measure a length, an angle, a rectangle (box), an ellipse, a value at a point',
  },
  { keys: ['.'], shown: '.', does: 'while measuring: place a point at the crosshair' },
  {
    keys: ['Shift+ArrowLeft', 'Shift+ArrowRight', 'Shift+ArrowUp', 'Shift+ArrowDown'],
    shown: 'Shift + arrow keys',
    does: 'move the crosshair on its slice by one voxel',
    held: true,
  },
  {
    keys: ['Escape'],
    shown: 'Escape',
    does: 'while measuring: cancel the drawing, or end measuring',
  },
  {
    keys: [','],
    shown: ',',
    does: 'take up the selected measurement: Shift + arrow keys move it; , or Escape ends',
  },
  { keys: ['h'], shown: 'H', does: 'hide or show all measurements' },
  {
    keys: ['Delete', 'z'],
    shown: 'Delete, Z',
    does: 'delete the selected measurement, undo the deletion',
  },
  {
    keys: ['ArrowDown', 'ArrowUp'],
    shown: '↓, ↑',
    does: 'next, previous slice of the plane that was used last',
    held: true,
  },
  {
    keys: ['PageDown', 'PageUp'],
    shown: 'Page ↓, Page ↑',
    does: 'ten slices forward, back',
    held: true,
  },
  {
    keys: ['ArrowLeft', 'ArrowRight'],
    shown: '←, →, ↑, ↓',
    does: 'in 3D alone: turn the view by 15 degrees',
    held: true,
  },
  { keys: ['+', '=', '-'], shown: '+, −', does: 'zoom in, zoom out', held: true },
  { keys: ['0'], shown: '0', does: 'reset zoom, position and window' },
  { keys: [], shown: 'Click, drag', does: 'move the crosshair' },
  { keys: [], shown: 'Double click', does: 'show one plane alone, or all again' },
  { keys: [], shown: 'Wheel', does: 'next, previous slice of a volume; zoom a 2D image' },
  { keys: [], shown: 'Ctrl + wheel', does: 'zoom in, zoom out' },
  {
    keys: [],
    shown: 'Right-button drag',
    does: 'window: right widens it, down brightens the image',
  },
  { keys: [], shown: 'Shift + drag, middle-button drag', does: 'move the image' },
  {
    keys: [],
    shown: 'Drag in 3D',
    does: 'turn the view; a click on a surface moves the crosshair there',
  },
  { keys: [], shown: 'Wheel in 3D', does: 'zoom in, zoom out' },
] as const satisfies Shortcut[]

/** Keys and mouse actions while a mask is corrected. Those of the review do nothing meanwhile. */
export const CORRECTION_SHORTCUTS = [
  {
    keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
    shown: '1 to 9',
    does: 'choose the label that is painted',
  },
  { keys: ['b'], shown: 'B', does: 'brush: paint the chosen label' },
  { keys: ['e'], shown: 'E', does: 'eraser' },
  { keys: ['t'], shown: 'T', does: 'threshold brush: paint only voxels with similar values' },
  { keys: ['p'], shown: 'P', does: 'fill a connected area, or a hole' },
  { keys: ['c'], shown: 'C', does: 'scissors: erase or fill inside a line' },
  { keys: ['r'], shown: 'R', does: 'region: grow over the connected voxels with similar values' },
  { keys: ['n'], shown: 'N', does: 'interpolate between slices' },
  {
    keys: ['h'],
    shown: 'H',
    does: 'shape of the whole label: islands, holes, smooth, grow, shrink',
  },
  { keys: ['a'], shown: 'A', does: 'assistant: refine the label from strokes' },
  {
    keys: ['Enter'],
    shown: 'Enter',
    does: 'close the line of the scissors, apply the region, interpolate, keep what the assistant did',
  },
  { keys: ['d'], shown: 'D', does: 'paint, fill and grow on the slice, or in 3D' },
  {
    keys: ['[', ']'],
    shown: '[ , ] or Shift + wheel',
    does: 'smaller, larger brush',
    held: true,
  },
  {
    keys: ['.'],
    shown: '.',
    does: 'use the tool at the crosshair, which Shift + arrow keys move; held, they draw a line',
    held: true,
  },
  { keys: ['l'], shown: 'L', does: 'lock or unlock the chosen label' },
  { keys: ['j', 'k'], shown: 'J, K', does: 'next, previous changed slice', held: true },
  { keys: [' '], shown: 'Space, held', does: 'show the mask as it was before the correction' },
  { keys: ['Mod+z'], shown: 'Ctrl + Z', does: 'undo', held: true },
  {
    keys: ['Mod+Shift+z', 'Mod+y'],
    shown: 'Shift + Ctrl + Z, Ctrl + Y',
    does: 'repeat what was undone',
    held: true,
  },
  { keys: ['Mod+s'], shown: 'Ctrl + S', does: 'save the correction' },
  {
    keys: ['Escape'],
    shown: 'Escape',
    does: 'take the current stroke back, or put the tool down: the pointer moves the crosshair',
  },
  { keys: [], shown: 'Click, drag', does: 'use the tool' },
  { keys: [], shown: 'Alt + click, drag', does: 'move the crosshair' },
] as const satisfies Shortcut[]

/** Keys of a comparison. Those of the image are the same as in the review. */
export const COMPARISON_SHORTCUTS = [
  { keys: ['d'], shown: 'D', does: 'both images, or the difference over one image' },
  { keys: ['j', 'k'], shown: 'J, K', does: 'next, previous slice with differences' },
  {
    keys: ['l'],
    shown: 'L',
    does: 'two scans: move the images apart, or link the places under both crosshairs',
  },
  { keys: ['t'], shown: 'T', does: 'the other image: keys act on it' },
  { keys: ['Escape'], shown: 'Escape', does: 'back to the job' },
] as const satisfies Shortcut[]

/** By `KeyboardEvent.key`; with Shift, digits are `Shift+1` and arrows `Shift+ArrowUp`. */
export type Key =
  | (typeof SHORTCUTS)[number]['keys'][number]
  | (typeof COMPARISON_SHORTCUTS)[number]['keys'][number]
  | CorrectionKey

/** `Mod`: Ctrl, or Cmd on a Mac. */
export type CorrectionKey = (typeof CORRECTION_SHORTCUTS)[number]['keys'][number]

export type Keys = Partial<Record<Key, () => void>>

/** Whether a key acts again and again while it is held. */
export function isHeld(key: string, table: readonly Shortcut[] = SHORTCUTS): boolean {
  return table.some((one) => one.held && one.keys.includes(key))
}

/** The rows of a table in Markdown. */
export function markdownRows(table: readonly Shortcut[] = SHORTCUTS): string {
  return table.map(({ shown, does }) => `| ${shown} | ${does} |`).join('\n')
}

/** The list of windows: those of the file, the automatic one, and for CT the usual ones. */

import { element, fill } from '../element'
import type { Controls } from '../viewer/port'
import { CT_PRESETS, type FileWindow, windowText } from '../viewer/voi'

const AUTOMATIC = 'auto'
const FILE = 'file-'
const SLICES = { all: '', most: ', most slices', middle: ', middle slice' }

export class WindowChoice {
  readonly root: HTMLSelectElement
  private windows: FileWindow[] = []
  private viewer: Controls | null = null

  /** `onChoice`: after a choice in the list. */
  constructor(onChoice: () => void) {
    this.root = element('select', {
      id: 'preset',
      'aria-label': 'Window',
      title: 'Window (W: the next one, Shift + 1 to 6 for CT, Shift + 0: the one at the start)',
      hidden: true,
      onchange: () => {
        this.apply(this.root.value)
        onChoice()
      },
    })
  }

  /** Lists the windows for the scan on screen, which shows the first one. */
  show(viewer: Controls, windows: FileWindow[]): void {
    this.viewer = viewer
    this.windows = windows
    this.root.hidden = viewer.window === null || (windows.length === 0 && !viewer.likeCt)
    fill(
      this.root,
      element('option', { value: '' }, 'Window'),
      ...windows.map((window, n) => element('option', { value: FILE + n }, fileText(window, n))),
      element('option', { value: AUTOMATIC }, 'Automatic'),
      ...(viewer.likeCt ? CT_PRESETS : []).map(({ name, key }) =>
        element('option', { value: key }, name),
      ),
    )
    this.first()
  }

  /** The scan shows its window of the start. */
  first(): void {
    const stated = this.windows.length > 0 && this.viewer?.windowRefused !== true
    this.root.value = stated ? `${FILE}0` : AUTOMATIC
  }

  /** The window is none of the list. */
  other(): void {
    this.root.value = ''
  }

  hide(): void {
    this.root.hidden = true
    this.viewer = null
  }

  /** Sets the next window of the list, after the last one the first; none if there is no list. */
  next(): void {
    if (this.root.hidden) return
    const values = [...this.root.options].map((option) => option.value).filter((one) => one !== '')
    const value = values[(values.indexOf(this.root.value) + 1) % values.length]!
    this.apply(value)
    this.root.value = value
  }

  /** Sets a window for CT; does nothing for other scans. */
  setByKey(key: string): void {
    if (this.viewer?.likeCt !== true || !CT_PRESETS.some((one) => one.key === key)) return
    this.apply(key)
    this.root.value = key
  }

  private apply(value: string): void {
    const { viewer } = this
    if (viewer === null || value === '') return
    if (value === AUTOMATIC) viewer.resetWindow(true)
    else if (value.startsWith(FILE)) {
      viewer.window = this.windows[Number(value.slice(FILE.length))] ?? null
    } else viewer.window = CT_PRESETS.find((one) => one.key === value)?.window ?? null
  }
}

/** Its name, where it has one, and its numbers. */
function fileText(window: FileWindow, n: number): string {
  const name = window.explanation === '' ? `File ${n + 1}` : window.explanation
  return `${name} (${windowText(window)}${SLICES[window.slices]})`
}

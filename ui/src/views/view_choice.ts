/** The tools that choose which panes are shown. */

import { element } from '../element'
import { recall, remember } from '../preferences'
import { isPair, PAIRS, viewNamed } from '../viewer/panes'
import type { View } from '../viewer/port'

/** The view, its button's text and name, and its key. */
const VIEWS: [View, string, string, string][] = [
  ['planes', '3', 'Three planes', '1'],
  ['axial', 'Ax', 'Axial plane', '2'],
  ['coronal', 'Cor', 'Coronal plane', '3'],
  ['sagittal', 'Sag', 'Sagittal plane', '4'],
  ['main', '1 + 2', 'One large plane and two small', '5'],
  ['four', '3 + 3D', 'Three planes and 3D', '6'],
  ['volume', '3D', '3D alone', '7'],
]

/** The key of two panes side by side. */
const PAIR_KEY = '8'

export class ViewChoice {
  readonly root: HTMLElement
  private readonly pairs: HTMLSelectElement

  constructor(
    private readonly choose: (view: View) => void,
    /** The keys act on the image again after a choice from a list. */
    done: () => void,
  ) {
    this.pairs = element(
      'select',
      {
        id: 'pair',
        'aria-label': 'Two side by side',
        title: `Two side by side (${PAIR_KEY})`,
        onchange: () => {
          choose(viewNamed(this.pairs.value))
          done()
        },
      },
      element('option', { value: '', hidden: true }, '2'),
      ...PAIRS.map(([pair, name]) => element('option', { value: pair }, name)),
    )
    this.root = element(
      'div.group',
      { role: 'group', 'aria-label': 'View' },
      ...VIEWS.map((view) => this.button(...view)),
      this.pairs,
    )
  }

  private button(view: View, label: string, name: string, key: string): HTMLElement {
    return element(
      'button',
      {
        type: 'button',
        'data-view': view,
        'aria-pressed': 'false',
        title: `${name} (${key})`,
        'aria-label': name,
        onclick: () => this.choose(view),
      },
      label,
    )
  }

  /** The view that the reader last had. */
  get remembered(): View {
    return viewNamed(recall('view', 'planes'))
  }

  /** Marks the view on screen, and remembers it. */
  show(view: View): void {
    remember('view', view)
    if (isPair(view)) remember('pair', view)
    for (const button of this.root.querySelectorAll('button')) {
      button.ariaPressed = String(button.dataset.view === view)
    }
    this.pairs.value = isPair(view) ? view : ''
  }

  /** The view of a key. */
  byKey(key: string): View | undefined {
    if (key !== PAIR_KEY) return VIEWS.find(([, , , shortcut]) => shortcut === key)?.[0]
    const pair = recall('pair', '')
    return isPair(pair) ? pair : PAIRS[0]![0]
  }
}

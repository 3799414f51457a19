/** Which panes are on screen, and the one that keys act on. */

import { isPair, isPlane, isSingle, panesOf } from './panes'
import type { Plane, View } from './port'

export class Layout {
  private shown: View = 'planes'
  /** The last view of several planes. */
  private several: View = 'planes'
  /** The plane that keys act on. */
  active: Plane = 'axial'

  /** `root`: the element around the panes. */
  constructor(private readonly root: HTMLElement) {}

  get view(): View {
    return this.shown
  }

  set view(view: View) {
    this.shown = view
    if (!isSingle(view)) this.several = view
    if (isPlane(view)) this.activate(view)
    else if (isPair(view)) this.activate(panesOf(view)[0] as Plane)
    this.root.dataset.main = this.active
  }

  /** The view after a double click on a pane. */
  after(pane: Plane | 'volume'): View {
    return this.shown === pane ? this.several : pane
  }

  activate(plane: Plane): void {
    this.active = plane
    this.root.dataset.active = plane
  }

  /** Arranges for a volume, or for an image; returns the names of the panes that are shown. */
  arrange(flat: boolean): readonly string[] {
    const { shown } = this
    const single = flat || isSingle(shown)
    this.root.dataset.layout = single ? 'single' : isPair(shown) ? 'pair' : shown
    return flat ? ['image'] : panesOf(shown)
  }
}

/** The view that compares two masks, or two scans. */

import * as api from '../api'
import { element } from '../element'
import { type Compared, go, hashOf, type MaskRef, note } from '../route'
import type { Model, Point } from '../schemas'
import type { Keys } from '../shortcuts'
import type { Viewer } from '../viewer/port'
import { CompareBar, scanText } from './bar'
import { isSame } from './choices'
import { Figures } from './figures'
import { Images } from './images'
import { imageKeys } from './keys'
import { type Loaded, load } from './loaded'
import type { Side } from './side'
import { DifferingSlices } from './slices'
import { CompareToolbar } from './toolbar'

const NO_OTHER =
  'This scan has no other mask. Choose another scan above, to show it beside this one.'

export class CompareView {
  readonly root: HTMLElement
  /** Known models, for labels and colours. */
  models: Model[] = []
  private route: Compared | null = null
  private loaded: Loaded | null = null
  private opened = new AbortController()
  private readonly images = new Images({
    drawn: () => this.slices.update(),
    view: (view) => this.toolbar.show(view),
    aligned: (offset) => this.note({ offset }),
  })
  private readonly slices = new DifferingSlices()
  private readonly figures = new Figures(() => this.images.recolour())
  private readonly back = element('a.button', {}, 'Back to the job')
  private readonly message = element('p.message', { role: 'status' })
  private readonly bar = new CompareBar({
    first: (first) => this.go({ first }),
    scan: (scan) => this.go({ scan, second: null, offset: null, difference: false }),
    second: (second) => this.chooseSecond(second),
    find: (name) => void this.find(name, true),
    swap: () => this.swap(),
  })
  private readonly toolbar = new CompareToolbar({
    view: (view) => {
      this.images.view = view
      this.slices.update()
    },
    difference: (shown) => void this.showDifference(shown),
    mask: (style) => {
      this.images.mask = style
    },
    zoom: (factor) => this.viewer?.zoom(factor),
    invert: () => this.images.invert(),
    reset: () => this.images.reset(),
  })

  constructor() {
    const panel = element(
      'div.findings-scroll',
      {},
      this.images.alignment.root,
      this.figures.root,
      this.slices.root,
    )
    this.images.root.append(this.toolbar.note)
    this.root = element(
      'section.compareview',
      { 'aria-label': 'Comparison', 'data-state': 'loading', hidden: true },
      element('header', {}, element('h1', {}, 'Compare'), this.bar.root, this.back),
      element('div.middle', {}, this.toolbar.root, this.message, this.images.root),
      element('aside.panel', { 'aria-label': 'Differences' }, panel),
    )
    this.close()
  }

  get sides(): [Side, Side] {
    return this.images.sides
  }

  /** That of the image that was used last. */
  get viewer(): Viewer | null {
    return this.images.used.viewer
  }

  /** Shows a comparison. What is on screen already is not loaded again. */
  async open(route: Compared): Promise<void> {
    if (this.route !== null && hashOf(this.route) === hashOf(route)) return
    this.close()
    this.route = route
    this.opened = new AbortController()
    const { signal } = this.opened
    this.back.href = `#job=${route.first.job}`
    for (const side of this.sides) side.message('Loading …')
    this.toolbar.showMasks()
    try {
      const loaded = await load(route, this.models)
      if (signal.aborted) return
      this.take(loaded)
      await this.draw(loaded, signal)
      if (!signal.aborted) this.root.dataset.state = 'shown'
    } catch (error) {
      if (signal.aborted) return
      this.root.dataset.state = 'failed'
      this.sides[0].fail(api.problemOf(error))
      this.sides[1].message('')
    }
  }

  /** Frees the memory of the scans. */
  close(): void {
    this.opened.abort()
    this.route = null
    this.loaded = null
    this.root.dataset.state = 'loading'
    this.images.clear()
    this.figures.show(null, this.images.colours)
    this.slices.show(null, null)
    this.toolbar.offer(false, false)
    this.message.textContent = ''
    this.bar.clear()
  }

  /** Shows what the service says, before any image. */
  private take(loaded: Loaded): void {
    const { scans, masks, choices, comparison, reason } = loaded
    this.loaded = loaded
    const second = masks[1]?.ref ?? null
    this.note({ second })
    this.bar.showMasks(choices, masks[0].ref, second)
    this.showTitles()
    this.figures.show(comparison, this.images.colours, reason)
    const same = scans[0].id === scans[1].id
    this.message.textContent = same && second === null ? NO_OTHER : ''
    this.toolbar.offer(scans[0].dimension === 2, false)
    void this.find('', false)
  }

  private async draw(loaded: Loaded, signal: AbortSignal): Promise<void> {
    const { offset } = this.route!
    const { view, style } = this.toolbar
    if (!(await this.images.show(loaded, offset, view, style, signal))) return
    const { difference } = this.images
    const viewer = this.sides[0].viewer!
    this.toolbar.offer(loaded.scans[0].dimension === 2, difference !== null)
    this.slices.show(viewer, difference)
    await this.showDifference(this.route!.difference)
    if (this.bar.root.contains(document.activeElement)) this.sides[0].focus() // keys act on it
    if (offset === null && !this.slices.goToMost(viewer.active)) this.images.lookAtMask()
  }

  /** Side by side, or the difference over the first image. */
  private async showDifference(wanted: boolean): Promise<void> {
    if (this.route === null) return
    const shown = wanted && this.images.difference !== null
    this.note({ difference: shown })
    this.toolbar.difference = shown
    this.showTitles()
    await this.images.arrange(shown)
  }

  private showTitles(): void {
    const [a, b] = [0, 1].map((n) => titleOf(this.loaded!, n as 0 | 1)) as [string, string]
    this.sides[0].title = this.route?.difference ? `Difference of A (${a}) and B (${b})` : a
    this.sides[1].title = b
  }

  // what is chosen

  private go(changes: Partial<Compared>): void {
    if (this.route !== null) go({ ...this.route, ...changes })
  }

  /** The page shows this already: only the address changes. */
  private note(changes: Partial<Compared>): void {
    if (this.route === null) return
    this.route = { ...this.route, ...changes }
    note(this.route)
  }

  private chooseSecond(second: MaskRef | null): void {
    const scan = this.loaded?.scans[1].id ?? null
    this.go({ second, scan: second === null ? scan : null, difference: false })
  }

  /** Exchanges A and B, if both have a mask. */
  private swap(): void {
    const { route } = this
    if (route === null || route.second === null) return
    const offset = route.offset === null ? null : (route.offset.map((mm) => -mm) as Point)
    go({ ...route, first: route.second, second: route.first, scan: null, offset })
  }

  /** Lists the scans with this in their name. */
  private async find(name: string, said: boolean): Promise<void> {
    const { loaded } = this
    const { signal } = this.opened
    if (loaded === null) return
    const [first, second] = loaded.scans
    try {
      const { scans, more } = await api.relatedScans(first.id, name)
      const chosen = second.id === first.id ? null : second
      if (!signal.aborted) this.bar.showScans(scans, more, chosen, said)
    } catch (error) {
      if (!signal.aborted) this.message.textContent = api.problemOf(error).detail
    }
  }

  keys(): Keys {
    return {
      ...imageKeys(this.images, this.toolbar),
      d: () => void this.showDifference(this.route?.difference !== true),
      j: () => this.slices.step(1),
      k: () => this.slices.step(-1),
      Escape: () => this.route !== null && go({ page: 'job', id: this.route.first.job }),
    }
  }
}

/** What an image of the comparison is. */
function titleOf({ scans, masks, choices }: Loaded, side: 0 | 1): string {
  const mask = masks[side]
  const text = choices[side].find(({ ref }) => isSame(ref, mask?.ref ?? null))?.text ?? 'No mask'
  return scans[0].id === scans[1].id ? text : `${scanText(scans[side])}: ${text}`
}

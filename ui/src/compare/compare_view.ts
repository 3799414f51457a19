/** Two masks, or two scans, side by side; or the difference of the masks over one image. */

import * as api from '../api'
import { element } from '../element'
import { reader } from '../reader'
import { type Compared, go, hashOf, type MaskRef, note } from '../route'
import type { Model, Point, RelatedScan, Scan } from '../schemas'
import type { Keys } from '../shortcuts'
import { Legend } from '../viewer/legend'
import { decode } from '../viewer/nifti'
import type { View, Viewer } from '../viewer/port'
import { CT_PRESETS } from '../viewer/voi'
import { Alignment, positionsOf } from './alignment'
import { CompareBar, scanText } from './bar'
import { middleOf, overlap } from './boxes'
import { isSame } from './choices'
import { differenceLegend, matchedLegend } from './difference_legend'
import { Figures } from './figures'
import { Link, turned } from './link'
import { type Loaded, load } from './loaded'
import { differenceOf, type MaskDifference } from './mask_difference'
import { Side } from './side'
import { DifferingSlices } from './slices'
import { CompareToolbar } from './toolbar'

const NO_OTHER =
  'This scan has no other mask. Choose another scan above, to show it beside this one.'

export class CompareView {
  readonly root: HTMLElement
  /** Known models, for labels and colours. */
  models: Model[] = []
  readonly sides: [Side, Side]
  private route: Compared | null = null
  private loaded: Loaded | null = null
  private opened = new AbortController()
  private active: 0 | 1 = 0
  private link: Link | null = null
  private difference: MaskDifference | null = null
  private legends: [Legend, Legend | null] | null = null
  private files: [ArrayBuffer, ArrayBuffer | null] | null = null
  private differenceColours = differenceLegend()
  private related: { scans: RelatedScan[]; more: boolean } = { scans: [], more: false }
  /** Whether the middles of scans that do not overlap were put together. */
  private centred = false
  private readonly back = element('a.button', {}, 'Back to the job')
  private readonly images: HTMLElement
  private readonly message = element('p.message', { role: 'status' })
  private readonly bar: CompareBar
  private readonly toolbar: CompareToolbar
  private readonly figures = new Figures(() => this.recolour())
  private readonly slices = new DifferingSlices()
  private readonly alignment: Alignment

  constructor() {
    this.sides = [this.side('A', 0), this.side('B', 1)]
    this.bar = new CompareBar({
      first: (first) => this.go({ first }),
      scan: (scan) => this.go({ scan, second: null, offset: null, difference: false }),
      second: (second) => this.chooseSecond(second),
      find: (name) => void this.find(name, true),
      swap: () => this.swap(),
    })
    this.toolbar = new CompareToolbar({
      view: (view) => this.setView(view),
      difference: (shown) => this.showDifference(shown),
      mask: (style) => {
        for (const viewer of this.viewers) viewer.mask = style
      },
      zoom: (factor) => this.viewer?.zoom(factor),
      invert: () => this.invert(),
      reset: () => this.reset(),
    })
    this.alignment = new Alignment(
      () => this.toggleLink(),
      () => this.setOffset([0, 0, 0]),
    )
    this.images = element('div.images', {}, ...this.sides.map((side) => side.root))
    this.root = element(
      'section.compareview',
      { 'aria-label': 'Comparison', 'data-state': 'loading' },
      element('header', {}, element('h1', {}, 'Compare'), this.bar.root, this.back),
      element('div.middle', {}, this.toolbar.root, this.message, this.images),
      element(
        'aside.panel',
        { 'aria-label': 'Differences' },
        element(
          'div.findings-scroll',
          {},
          this.alignment.root,
          this.figures.root,
          this.slices.root,
        ),
      ),
    )
  }

  // opening

  /** Shows a comparison. What is on screen already is not loaded again. */
  async open(route: Compared): Promise<void> {
    if (this.route !== null && hashOf(this.route) === hashOf(route)) return
    this.close()
    this.route = route
    this.opened = new AbortController()
    const { signal } = this.opened
    this.back.href = `#job=${route.first.job}`
    for (const side of this.sides) side.message('Loading …')
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

  close(): void {
    this.opened.abort()
    this.route = null
    this.loaded = null
    this.link = null
    this.difference = null
    this.legends = null
    this.files = null
    this.centred = false
    this.active = 0
    this.root.dataset.state = 'loading'
    for (const side of this.sides) side.clear()
    this.figures.show(null, this.differenceColours)
    this.slices.show(null, null)
    this.alignment.root.hidden = true
    this.message.textContent = ''
    this.bar.clear()
  }

  /** Shows what the service says, before any image. */
  private take(loaded: Loaded): void {
    const { scans, masks, choices, comparison, reason } = loaded
    this.loaded = loaded
    const ref = masks[1]?.ref ?? null
    this.route = { ...this.route!, second: ref }
    note(this.route)
    this.differenceColours = differenceLegend()
    this.bar.showMasks(choices, this.route.first, ref)
    for (const n of [0, 1] as const) this.sides[n].title = titleOf(loaded, n)
    this.figures.show(comparison, this.differenceColours, reason)
    const same = scans[0].id === scans[1].id
    this.message.textContent = same && ref === null ? NO_OTHER : ''
    this.toolbar.offer(scans[0].dimension === 2, false)
    void this.find('', false)
  }

  private async draw({ scans, masks, comparison }: Loaded, signal: AbortSignal): Promise<void> {
    const [first, second] = await Promise.all(this.sides.map((side, n) => side.ready(scans[n]!)))
    if (signal.aborted || !first || !second) return
    const [a, b] = this.sides
    const same = scans[0].id === scans[1].id
    const fileA = await this.bytes(`scans/${scans[0].id}/volume`, a, signal)
    if (!(await a.showScan(first, scans[0], fileA))) return
    const fileB = same ? first : await this.bytes(`scans/${scans[1].id}/volume`, b, signal)
    if (signal.aborted || !(await b.showScan(second, scans[1], fileB))) return
    this.joinViewers(first, second, scans)
    const paths = masks.map((mask) => (mask === null ? null : api.maskPath(mask.ref, reader.name)))
    this.files = [
      await api.bytes(paths[0]!, signal),
      paths[1] ? await api.bytes(paths[1], signal) : null,
    ]
    if (signal.aborted) return
    const legend = new Legend(masks[0].model)
    const other = masks[1] === null ? null : matchedLegend(masks[1].model, legend, comparison)
    this.legends = [legend, other]
    await a.showMask(this.files[0], legend)
    if (other !== null) await b.showMask(this.files[1]!, other)
    if (comparison !== null) {
      this.difference = differenceOf(decode(this.files[0]), decode(this.files[1]!), comparison)
    }
    if (signal.aborted) return
    this.toolbar.offer(scans[0].dimension === 2, this.difference !== null)
    this.slices.show(first, this.difference)
    await this.arrange()
    if (this.route?.offset === null) this.lookAtMask()
  }

  private bytes(path: string, side: Side, signal: AbortSignal): Promise<ArrayBuffer> {
    return api.bytes(path, signal, (count) => {
      if (!signal.aborted) side.message(`Loading the scan: ${Math.ceil(count / 1e6)} MB …`)
    })
  }

  private joinViewers(first: Viewer, second: Viewer, scans: [Scan, Scan]): void {
    for (const viewer of [first, second]) {
      viewer.mask = this.toolbar.style
      viewer.view = scans[0].dimension === 2 ? 'axial' : this.toolbar.view
    }
    first.fitBeside(second)
    second.fitBeside(first)
    this.link = new Link([first, second])
    const flat = scans[0].dimension === 2
    const stated = this.route!.offset
    if (stated !== null) this.link.offset = turned(stated, flat)
    else if (!overlap(first, second) && positionsOf(...scans) !== 'shared') {
      this.centred = true
      const [a, b] = [first.gaze.centre, second.gaze.centre]
      this.link.offset = [b[0] - a[0], b[1] - a[1], b[2] - a[2]]
    } else this.link.offset = [0, 0, 0]
    this.showAlignment()
  }

  /** To where the masks differ most, else to the largest part of the first mask. */
  private lookAtMask(): void {
    const { difference } = this
    const viewer = this.sides[0].viewer
    if (viewer === null) return
    if (difference !== null && this.slices.goToMost(viewer.active)) return
    const label = this.loaded?.masks[0].model.labels[0]?.value
    if (label !== undefined) viewer.jump(middleOf(viewer), label)
  }

  // what is chosen

  private go(changes: Partial<Compared>): void {
    if (this.route !== null) go({ ...this.route, ...changes })
  }

  private chooseSecond(second: MaskRef | null): void {
    const scan = this.loaded?.scans[1].id ?? null
    this.go({ second, scan: second === null ? scan : null, difference: false })
  }

  /** Exchanges A and B, if both have a mask. */
  private swap(): void {
    const { route } = this
    if (route === null || route.second === null) return
    const offset = route.offset?.map((mm) => -mm) as Point | undefined
    go({ ...route, first: route.second, second: route.first, scan: null, offset: offset ?? null })
  }

  private async find(name: string, said: boolean): Promise<void> {
    const { loaded } = this
    const { signal } = this.opened
    if (loaded === null) return
    const [first, second] = loaded.scans
    try {
      this.related = await api.relatedScans(first.id, name)
    } catch (error) {
      if (!signal.aborted) this.message.textContent = api.problemOf(error).detail
      return
    }
    if (signal.aborted) return
    const chosen = second.id === first.id ? null : second
    this.bar.showScans(this.related.scans, this.related.more, chosen, said)
  }

  // what is drawn

  private get viewers(): Viewer[] {
    return this.sides.map(({ viewer }) => viewer).filter((viewer) => viewer !== null)
  }

  /** That of the image that was used last. */
  get viewer(): Viewer | null {
    return this.sides[this.current].viewer
  }

  private get current(): 0 | 1 {
    return this.route?.difference ? 0 : this.active
  }

  private setView(view: View): void {
    for (const viewer of this.viewers) viewer.view = view
    this.slices.update()
  }

  private showDifference(shown: boolean): void {
    if (this.route === null || (shown && this.difference === null)) return
    this.route = { ...this.route, difference: shown }
    note(this.route)
    void this.arrange()
  }

  /** Side by side, or the difference over the first image. */
  private async arrange(): Promise<void> {
    const [a, b] = this.sides
    const over = this.route?.difference === true && this.difference !== null
    this.toolbar.difference = over
    b.root.hidden = over
    this.images.dataset.show = over ? 'difference' : 'both'
    a.title = over ? 'Difference of A and B' : titleOf(this.loaded!, 0)
    if (over) await a.showMask(this.difference!.kinds, this.differenceColours)
    else if (a.viewer !== null && this.legends !== null) {
      await a.showMask(this.files![0], this.legends[0])
    }
    for (const viewer of this.viewers) viewer.mask = this.toolbar.style
  }

  private recolour(): void {
    for (const viewer of this.viewers) viewer.recolour()
  }

  private invert(): void {
    const [first, ...others] = this.viewers
    if (first === undefined) return
    first.inverted = !first.inverted
    for (const other of others) other.inverted = first.inverted
  }

  private reset(): void {
    for (const viewer of this.viewers) viewer.resetWindow()
    for (const side of this.sides) side.windows.first()
    this.viewer?.resetZoom()
  }

  /** Images of one scan, and two CTs, have one window. */
  private shareWindow(from: 0 | 1): void {
    const [one, other] = [this.sides[from].viewer, this.sides[1 - from]!.viewer]
    if (one === null || other === null || this.loaded === null) return
    const [first, second] = this.loaded.scans
    if (first.id !== second.id && !(one.likeCt && other.likeCt)) return
    other.window = one.window
    this.sides[1 - from]!.windows.root.value = this.sides[from].windows.root.value
  }

  // where one looks

  private drawn(side: 0 | 1): void {
    this.link?.drawn(side)
    if (side === 0) this.slices.update()
    this.showAlignment()
  }

  private toggleLink(): void {
    const { link } = this
    if (link === null || this.sameScan) return
    if (link.on) link.on = false
    else link.here()
    this.centred = false
    if (link.on) this.noteOffset(link)
    this.showAlignment()
  }

  private setOffset(offset: Point): void {
    if (this.link === null) return
    this.link.on = true
    this.centred = false
    this.link.offset = offset
    this.noteOffset(this.link)
    this.showAlignment()
  }

  private noteOffset({ offset }: Link): void {
    this.route = { ...this.route!, offset: turned(offset, this.flat) }
    note(this.route)
  }

  private get sameScan(): boolean {
    return this.loaded?.scans[0].id === this.loaded?.scans[1].id
  }

  private get flat(): boolean {
    return this.loaded?.scans[0].dimension === 2
  }

  private showAlignment(): void {
    const { link, loaded, centred, flat } = this
    if (link === null || loaded === null) return
    const positions = positionsOf(...loaded.scans)
    const outside = this.viewers.some((viewer) => viewer.outside)
    const offset = turned(link.offset, flat)
    this.alignment.show({ positions, linked: link.on, offset, centred, outside, flat })
  }

  private use(side: 0 | 1): void {
    this.active = side
  }

  private side(name: 'A' | 'B', n: 0 | 1): Side {
    return new Side(name, {
      drawn: () => this.drawn(n),
      used: () => this.use(n),
      window: () => this.shareWindow(n),
      view: (view) => this.toolbar.show(view),
    })
  }

  // keys

  keys(): Keys {
    const { viewer } = this
    const { windows } = this.sides[this.current]
    const views = Object.fromEntries(
      ['1', '2', '3', '4'].map((key) => [key, () => this.toolbar.byKey(key)]),
    )
    const presets = Object.fromEntries(
      CT_PRESETS.map(({ key }) => [`Shift+${key}`, () => this.window(() => windows.setByKey(key))]),
    )
    return {
      ...views,
      ...presets,
      d: () => this.showDifference(this.route?.difference !== true),
      j: () => this.slices.step(1),
      k: () => this.slices.step(-1),
      l: () => this.toggleLink(),
      t: () => this.sides[this.current === 0 ? 1 : 0].focus(),
      m: this.toolbar.toggleMask,
      f: this.toolbar.toggleFill,
      o: this.toolbar.toggleOutline,
      i: () => this.invert(),
      w: () => this.window(() => windows.next()),
      q: () => {
        for (const side of this.sides) side.toggleCrosshair()
      },
      '[': () => this.toolbar.changeOpacity(-10),
      ']': () => this.toolbar.changeOpacity(10),
      '+': () => viewer?.zoom(1.25),
      '=': () => viewer?.zoom(1.25),
      '-': () => viewer?.zoom(1 / 1.25),
      '0': () => this.reset(),
      'Shift+0': () => this.window(() => viewer?.resetWindow()),
      ArrowUp: () => viewer?.scroll(-1),
      ArrowDown: () => viewer?.scroll(1),
      PageUp: () => viewer?.scroll(-10),
      PageDown: () => viewer?.scroll(10),
      'Shift+ArrowLeft': () => viewer?.step(-1, 0),
      'Shift+ArrowRight': () => viewer?.step(1, 0),
      'Shift+ArrowUp': () => viewer?.step(0, -1),
      'Shift+ArrowDown': () => viewer?.step(0, 1),
      Escape: () => this.route !== null && go({ page: 'job', id: this.route.first.job }),
    }
  }

  private window(change: () => void): void {
    change()
    this.shareWindow(this.current)
  }
}

/** What an image of the comparison is. */
function titleOf({ scans, masks, choices }: Loaded, side: 0 | 1): string {
  const mask = masks[side]
  const text = choices[side].find(({ ref }) => isSame(ref, mask?.ref ?? null))?.text ?? 'No mask'
  return scans[0].id === scans[1].id ? text : `${scanText(scans[side])}: ${text}`
}

/** The worklist: a list of any length, of which only the rows on screen are elements. */

import { element } from '../element'
import { EVERYTHING, isNarrowed } from '../job_query'
import { countText } from '../text'
import type { Worklist } from '../worklist'
import { ListFilters } from './list_filters'
import { ListRow } from './list_row'

/** Height of a row in pixels, as in styles/list.css. */
const ROW = 58
/** Rows above and below the screen, so that a short scroll shows no gap. */
const BEYOND = 6

export class ListView {
  readonly root: HTMLElement
  private readonly rows = new Map<number, ListRow>()
  private readonly list = element('ol.jobs', {
    onkeydown: (event: KeyboardEvent) => this.key(event),
  })
  private readonly note = element('p.empty')
  private readonly count = element('span.count')
  private readonly found = element('p.found', { role: 'status' })
  private readonly filters: ListFilters
  private readonly scroll: HTMLElement
  /** The row that Tab leads to; the arrow keys move it. */
  private active = 0
  private shown: string | null = null
  private frame = 0

  constructor(private readonly worklist: Worklist) {
    this.filters = new ListFilters((query) => {
      this.active = 0
      this.scroll.scrollTop = 0
      void worklist.ask(query)
    })
    this.scroll = element(
      'div.scroll',
      { onscroll: () => this.soon(), tabindex: -1 },
      this.list,
      this.note,
    )
    this.root = element(
      'nav.worklist',
      { 'aria-label': 'Worklist' },
      element(
        'header',
        {},
        element('h2', {}, 'Worklist ', this.count),
        this.filters.root,
        this.found,
      ),
      this.scroll,
    )
    worklist.onChange(() => this.render())
    new ResizeObserver(() => this.soon()).observe(this.scroll)
    setInterval(() => this.render(), 1000) // the estimates count down
  }

  render(): void {
    const { total } = this.worklist.rows
    const review = this.worklist.counts.verdicts.to_review ?? 0
    this.count.textContent = review > 0 ? countText(review, 'to review', 'to review') : ''
    this.filters.showCounts(this.worklist.counts)
    this.list.style.height = `${total * ROW}px`
    this.note.hidden = total > 0
    this.note.textContent = this.emptyText()
    const found = this.worklist.loaded && total > 0 ? countText(total, 'job') : ''
    if (this.found.textContent !== found) this.found.textContent = found
    this.active = Math.max(0, Math.min(this.active, total - 1))
    this.followSelection()
    this.draw()
  }

  /** Scrolls to the selected job once it is in the list. */
  private followSelection(): void {
    const { selected, selectedRow } = this.worklist
    if (selected === this.shown || (selected !== null && selectedRow < 0)) return
    this.shown = selected
    if (selected === null) return
    this.active = selectedRow
    this.reveal(selectedRow)
  }

  private soon(): void {
    if (this.frame !== 0) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.draw()
    })
  }

  private draw(): void {
    const { total } = this.worklist.rows
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - BEYOND)
    const count = Math.ceil(this.scroll.clientHeight / ROW) + 2 * BEYOND
    const last = Math.min(total, first + count) - 1
    this.worklist.show(first, Math.max(first, last))
    const wanted = new Set<number>()
    if (this.active < first && total > 0) wanted.add(this.active)
    for (let row = first; row <= last; row++) wanted.add(row)
    if (this.active > last && total > 0) wanted.add(this.active)
    this.place(wanted)
  }

  /** The elements of these rows, in their order; those of other rows are used again. */
  private place(wanted: Set<number>): void {
    const { rows, selectedRow } = this.worklist
    const spare: ListRow[] = []
    for (const [row, shown] of this.rows) {
      if (wanted.has(row)) continue
      this.rows.delete(row)
      shown.root.remove() // the others are in order then: none is moved, which would end its focus
      spare.push(shown)
    }
    let before: Element | null = null
    for (const row of wanted) {
      const shown = this.rows.get(row) ?? spare.pop() ?? new ListRow()
      this.rows.set(row, shown)
      shown.place(row, rows.total, row * ROW)
      shown.show(this.worklist.at(row), row === selectedRow, row === this.active)
      const next: Element | null =
        before === null ? this.list.firstElementChild : before.nextElementSibling
      if (next !== shown.root) this.list.insertBefore(shown.root, next)
      before = shown.root
    }
  }

  private key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 1)
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    }
    const step = steps[event.key]
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    this.active = Math.max(0, Math.min(this.active + step, this.worklist.rows.total - 1))
    this.reveal(this.active)
    this.draw()
    this.rows.get(this.active)?.link.focus({ preventScroll: true })
  }

  private reveal(row: number): void {
    const { scrollTop, clientHeight } = this.scroll
    if (row * ROW < scrollTop) this.scroll.scrollTop = row * ROW
    else if ((row + 1) * ROW > scrollTop + clientHeight) {
      this.scroll.scrollTop = (row + 1) * ROW - clientHeight
    }
  }

  private emptyText(): string {
    if (!this.worklist.loaded) return 'Loading …'
    const { query } = this.worklist
    if (query.tab !== EVERYTHING.tab || isNarrowed(query)) return 'No job matches these filters.'
    return 'No jobs yet. Jobs are listed here with their progress and their verdict.'
  }
}

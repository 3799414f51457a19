/** The worklist: a list of any length, of which only the rows on screen are elements. */

import { element } from '../element'
import { EVERYTHING, isNarrowed } from '../job_query'
import type { Job } from '../schemas'
import { MOST_CHOSEN, Selection } from '../selection'
import { countText } from '../text'
import type { Worklist } from '../worklist'
import { ListFilters } from './list_filters'
import { ListRow } from './list_row'
import { ListSelection } from './list_selection'
import type { UndoBar } from './undo'

/** Height of a row in pixels, as in styles/list.css. */
const ROW = 58
/** Rows above and below the screen, so that a short scroll shows no gap. */
const BEYOND = 4

export class ListView {
  readonly root: HTMLElement
  /** The elements by their rows, in the order of these. */
  private readonly rows = new Map<number, ListRow>()
  private readonly spare: ListRow[] = []
  private readonly chosen = new Selection()
  readonly selection: ListSelection
  private readonly list = element('ol.jobs', {
    onkeydown: (event: KeyboardEvent) => this.key(event),
    onclick: (event: MouseEvent) => this.click(event),
  })
  private readonly note = element('p.empty')
  private readonly count = element('span.count')
  private readonly found = element('p.found', { role: 'status' })
  private readonly filters: ListFilters
  private readonly scroll: HTMLElement
  /** The row that Tab leads to; the arrow keys move it. */
  private active = 0
  /** Where a range of chosen rows begins: the row that was chosen last. */
  private anchor = 0
  private shown: string | null = null
  private frame = 0
  /** Of the whole list, and of the part on screen, in pixels: to read them takes a layout. */
  private height = -1
  private screen = 0

  constructor(
    private readonly worklist: Worklist,
    undo: UndoBar,
  ) {
    this.filters = new ListFilters((query) => {
      this.active = this.anchor = 0
      this.chosen.clear()
      this.scroll.scrollTop = 0
      void worklist.ask(query)
    })
    this.selection = new ListSelection(worklist, this.chosen, undo)
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
      this.selection.root, // below: rows stay where they are when it appears
    )
    worklist.onChange(() => this.render())
    this.chosen.onChange(() => this.soon())
    new ResizeObserver(() => {
      this.screen = this.scroll.clientHeight
      this.soon()
    }).observe(this.scroll)
    setInterval(() => this.render(), 1000) // the estimates count down
  }

  render(): void {
    const { total } = this.worklist.rows
    const review = this.worklist.counts.verdicts.to_review ?? 0
    this.count.textContent = review > 0 ? countText(review, 'to review', 'to review') : ''
    this.filters.showCounts(this.worklist.counts)
    this.setHeight(total * ROW)
    this.note.hidden = total > 0
    this.note.textContent = this.emptyText()
    const found = this.worklist.loaded && total > 0 ? countText(total, 'job') : ''
    if (this.found.textContent !== found) this.found.textContent = found
    this.active = Math.max(0, Math.min(this.active, total - 1))
    this.followSelection()
    this.selection.render()
    this.soon() // several changes are drawn at once
  }

  private setHeight(height: number): void {
    if (height === this.height) return
    this.height = height
    this.list.style.height = `${height}px`
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
    const count = Math.ceil(this.screen / ROW) + 2 * BEYOND
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
    const seen: Job[] = []
    const elements = this.inOrder(wanted)
    this.rows.clear()
    let n = 0
    for (const row of wanted) {
      const shown = elements[n++]!
      const job = this.worklist.at(row)
      if (job !== undefined) seen.push(job)
      this.rows.set(row, shown)
      shown.place(row, rows.total, row * ROW)
      shown.show(job, {
        selected: row === selectedRow,
        reachable: row === this.active,
        chosen: job !== undefined && this.chosen.has(job.id),
        drafted: job !== undefined && this.worklist.drafts.has(job.id),
      })
    }
    this.chosen.saw(seen)
  }

  /**
   * An element for each of these rows. One that shows such a row already is not moved, which would
   * end its focus; others show another row where they are, if that is in order, which costs less
   * than to move them.
   */
  private inOrder(wanted: Set<number>): ListRow[] {
    const before = [...this.rows]
    const order: ListRow[] = []
    let n = 0
    const takeAway = (): void => {
      const [, shown] = before[n++]!
      shown.root.remove()
      this.spare.push(shown)
    }
    for (const row of wanted) {
      if (this.rows.has(row)) while (before[n]![0] !== row) takeAway()
      const there = before[n]
      if (there !== undefined && (there[0] === row || !wanted.has(there[0]))) {
        order.push(there[1])
        n++
      } else {
        const shown = this.spare.pop() ?? new ListRow()
        this.list.insertBefore(shown.root, there?.[1].root ?? null)
        order.push(shown)
      }
    }
    while (n < before.length) takeAway()
    return order
  }

  /** A click on a box chooses its row; with Shift all rows from the one that was chosen last. */
  private click(event: MouseEvent): void {
    if (!(event.target instanceof HTMLInputElement)) return
    const box = event.target
    const found = [...this.rows].find(([, shown]) => shown.root.contains(box))
    if (found === undefined) return
    const [row, shown] = found
    this.active = row
    if (event.shiftKey) void this.chooseTo(row)
    else this.toggle(row)
    shown.link.focus({ preventScroll: true }) // keys go on from here
  }

  private toggle(row: number): void {
    const job = this.worklist.at(row)
    if (job === undefined) return
    this.anchor = row
    if (!this.chosen.has(job.id) && this.chosen.size >= MOST_CHOSEN) this.selection.tooMany()
    else this.chosen.toggle(job)
    this.draw()
  }

  /** Chooses all rows between the one that was chosen last and this one. */
  private async chooseTo(row: number): Promise<void> {
    const first = Math.min(this.anchor, row)
    const last = Math.max(this.anchor, row)
    await this.selection.choose(() =>
      this.worklist.jobsIn(first, Math.min(last, first + MOST_CHOSEN)),
    )
    this.draw()
  }

  /** The keys that choose rows; false for any other key. */
  private chooses(event: KeyboardEvent): boolean {
    if (event.altKey || event.metaKey) return false
    if (event.key === ' ' && !event.ctrlKey) this.toggle(this.active)
    else if (event.key === 'Escape' && this.chosen.size > 0) this.chosen.clear()
    else if (event.key === 'a' && event.ctrlKey) void this.selection.chooseAll()
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }

  private key(event: KeyboardEvent): void {
    if (this.chooses(event)) return
    const page = Math.max(1, Math.floor(this.screen / ROW) - 1)
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
    if (event.shiftKey && this.chosen.size === 0) this.anchor = this.active
    this.active = Math.max(0, Math.min(this.active + step, this.worklist.rows.total - 1))
    if (event.shiftKey) void this.chooseTo(this.active)
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

/** The reader's measurements: tools, the list, and what other readers have measured. */

import { draftOf, keepDraft } from '../drafts'
import { element, fill } from '../element'
import {
  type Drawn,
  fromWire,
  KIND_NAMES,
  KINDS,
  LONGEST_LABEL,
  nameOf,
  toWire,
} from '../measure/measurement'
import { Measuring, type OfReview } from '../measure/measuring'
import { address } from '../requests'
import { roveToolbar, rovingList } from '../roving'
import type { Download, Job, NewReview, Review, Scan } from '../schemas'
import { timeText } from '../text'
import type { Controls } from '../viewer/port'

export class MeasurementsView {
  readonly measuring = new Measuring(
    (edited) => this.changed(edited),
    (text) => (this.status.textContent = text),
  )
  readonly tools = element('div.group', { role: 'group', 'aria-label': 'Measure', hidden: true })
  private readonly list = element('div', {})
  private readonly others = element('div.others', {})
  private readonly restore = element('p.restore', {})
  private readonly status = element('p.hint', { 'aria-live': 'polite' })
  private readonly hide: HTMLButtonElement
  readonly root: HTMLElement
  /** The formats in which a report of a review can be downloaded. */
  reports: Download[] = []
  private job: string | null = null
  /** What the list shows. */
  private listed: Pick<Measuring, 'own' | 'selected'> = { own: [], selected: null }

  constructor() {
    this.hide = element(
      'button.quiet',
      {
        type: 'button',
        'aria-pressed': 'false',
        title: 'Hide all measurements (H)',
        onclick: () => this.measuring.hide(!this.measuring.hidden),
      },
      'Hide all',
    )
    this.root = element(
      'section.measurements',
      { 'aria-label': 'Measurements in the scan', hidden: true },
      element('div.head', {}, element('h2', {}, 'Measured'), this.hide),
      this.list,
      this.restore,
      this.status,
      this.others,
    )
    fill(this.tools, ...KIND_NAMES.map((kind) => this.tool(kind)))
  }

  /** Shows the scan of a job, with the draft of its measurements. */
  open(job: string, scan: Scan, viewer: Controls | null): void {
    if (viewer === null) return
    this.job = job
    const [rows, columns] = scan.spacing_mm ?? []
    const flat = scan.dimension === 2
    const spacing =
      flat && rows !== undefined && columns !== undefined ? ([rows, columns] as const) : null
    const unit = scan.value_unit ?? ''
    this.measuring.open(viewer, { flat, spacing, grid: viewer.grid, unit }, draftFor(job))
  }

  close(): void {
    this.job = null
    this.reports = []
    this.status.textContent = ''
    this.measuring.close()
  }

  /** The measurements of a new review of the job on screen. */
  get forReview(): NonNullable<NewReview['measurements']> {
    return this.measuring.own.map(toWire)
  }

  showReviews(reviews: Review[]): void {
    if (this.measuring.possible) this.measuring.showReviews(reviews)
  }

  /** A review was saved: its measurements are no longer a draft. */
  saved(job: Job, { measurements }: NewReview): void {
    if ((measurements?.length ?? 0) > 0) this.keep(job, [])
  }

  /** A review was withdrawn: its measurements are a draft again. */
  takeBack(job: Job, review: NewReview): void {
    this.keep(job, fromWire(review.measurements))
  }

  private keep(job: Job, drawn: Drawn[]): void {
    keep(job.id, drawn)
    if (this.job === job.id) this.measuring.replace(drawn)
  }

  private changed(edited: boolean): void {
    const { measuring } = this
    if (edited && this.job !== null) keep(this.job, measuring.own)
    this.tools.hidden = !measuring.possible
    for (const button of this.tools.children as HTMLCollectionOf<HTMLButtonElement>) {
      const kind = button.dataset.kind
      button.setAttribute('aria-pressed', String(measuring.tool === kind))
      button.hidden = !measuring.kinds.some((one) => one === kind)
    }
    this.root.hidden = !measuring.possible || this.isEmpty
    this.hide.setAttribute('aria-pressed', String(measuring.hidden))
    this.render()
  }

  private get isEmpty(): boolean {
    const { own, others, deleted, tool } = this.measuring
    return own.length + others.length === 0 && deleted === null && tool === null
  }

  private render(): void {
    const { others, deleted } = this.measuring
    this.renderOwn()
    fill(this.restore, deleted !== null && this.undo())
    fill(this.others, ...others.map((one) => this.otherReader(one)))
  }

  /** Builds the list again only if it changed: a name may be typed in it at the moment. */
  private renderOwn(): void {
    const { own, selected } = this.measuring
    if (own === this.listed.own && selected === this.listed.selected) return
    this.listed = { own, selected }
    const focus = focusIn(this.list)
    const items = own.map((drawn) => this.row(drawn))
    fill(this.list, own.length > 0 && rovingList('ul.drawn', items))
    if (focus !== null) this.list.querySelector<HTMLElement>(focus)?.focus()
  }

  private row(drawn: Drawn): HTMLElement {
    const { measuring } = this
    const name = nameOf(drawn, measuring.own)
    const label = element('input', {
      type: 'text',
      maxlength: LONGEST_LABEL,
      value: drawn.label,
      placeholder: name,
      'aria-label': `Name of ${name}`,
      onchange: () => measuring.rename(drawn.id, label.value.trim()),
      onkeydown: (event: KeyboardEvent) => {
        if (['Enter', 'Escape'].includes(event.key)) label.blur()
        if (['Home', 'End'].includes(event.key)) event.stopPropagation() // they move in the text
      },
    })
    return element(
      'li',
      {
        'data-id': drawn.id,
        'data-kind': drawn.kind,
        'aria-current': measuring.selected === drawn.id && 'true',
      },
      label,
      this.goTo(drawn, name, true),
      element(
        'button.icon',
        {
          type: 'button',
          'aria-label': `Delete ${name}`,
          title: 'Delete (Del)',
          onclick: () => measuring.remove(drawn.id),
        },
        '×',
      ),
    )
  }

  private goTo(drawn: Drawn, name: string, own: boolean): HTMLElement {
    const lines = this.measuring.linesOf(drawn)
    return element(
      'button.jump',
      {
        type: 'button',
        'aria-label': `Go to ${name}: ${lines.join(', ')}`,
        title: 'Show it in the image',
        onclick: () => this.measuring.goTo(drawn, own),
      },
      element('span.size', {}, lines[0] ?? ''),
      ...lines.slice(1).map((line) => element('span.fact', {}, line)),
    )
  }

  private undo(): HTMLElement {
    return element(
      'button',
      { type: 'button', onclick: () => this.measuring.undo() },
      'Undo deletion',
      element('kbd', { 'aria-hidden': 'true' }, 'Z'),
    )
  }

  private otherReader(one: OfReview): HTMLElement {
    const who = one.review.reviewer === '' ? 'A reader' : one.review.reviewer
    const box = element('input', {
      type: 'checkbox',
      checked: one.shown,
      onchange: () => this.measuring.showOthers(one, box.checked),
    })
    return element(
      'section',
      { 'aria-label': `Measured by ${who}`, 'data-review': one.review.id },
      element('label.reader', {}, box, `${who}, ${timeText(one.review.created_at)}`),
      rovingList(
        'ul.drawn',
        one.drawn.map((drawn) => {
          const name = nameOf(drawn, one.drawn)
          return element('li', {}, element('span.name', {}, name), this.goTo(drawn, name, false))
        }),
      ),
      this.downloads(one.review),
    )
  }

  /** The measurements as a table, and reports with them. */
  private downloads({ job, id }: Review): HTMLElement {
    const path = `jobs/${job}/reviews/${id}`
    const link = (label: string, to: string): HTMLElement =>
      element('a', { href: address(`${path}/${to}`), download: '' }, label)
    const objects = this.reports.filter(({ format }) => !['json', 'csv'].includes(format))
    const bar = element(
      'p.links',
      { role: 'toolbar', 'aria-label': 'Download measurements' },
      'Download: ',
      link('CSV', 'measurements?format=csv'),
      link('JSON', 'measurements'),
      ...objects.map(({ format, title }) => link(title, `report?format=${format}`)),
    )
    roveToolbar(bar)
    return bar
  }

  private tool(kind: (typeof KIND_NAMES)[number]): HTMLButtonElement {
    const { name, key } = KINDS[kind]
    return element(
      'button',
      {
        type: 'button',
        'data-kind': kind,
        'aria-pressed': 'false',
        title: `Measure: ${name.toLowerCase()} (${key})`,
        onclick: () => this.measuring.choose(kind),
      },
      name,
    )
  }
}

/** The drafts of measurements are kept beside those of comments. */
function draftName(job: string): string {
  return `${job}.measurements`
}

function draftFor(job: string): Drawn[] {
  try {
    return fromWire(JSON.parse(draftOf(draftName(job)) || '[]'))
  } catch {
    return []
  }
}

function keep(job: string, drawn: Drawn[]): void {
  keepDraft(draftName(job), drawn.length === 0 ? '' : JSON.stringify(drawn.map(toWire)))
}

/** A selector of what has the focus in the list, which is about to be built again. */
function focusIn(list: HTMLElement): string | null {
  const active = document.activeElement
  if (!(active instanceof HTMLElement) || !list.contains(active)) return null
  const id = active.closest<HTMLElement>('[data-id]')?.dataset.id
  const part = active.matches('input') ? 'input' : active.matches('.jump') ? '.jump' : '.icon'
  return id === undefined ? null : `[data-id="${CSS.escape(id)}"] ${part}`
}

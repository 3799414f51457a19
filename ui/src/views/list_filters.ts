/** The head of the worklist: what is shown, in which order, and saved views. */

import * as api from '../api'
import { element, fill } from '../element'
import {
  countOf,
  EVERYTHING,
  isNarrowed,
  type JobQuery,
  MINE,
  NOBODY,
  SORTS,
  type Sort,
  selection,
  TABS,
  type Tab,
} from '../job_query'
import { reader } from '../reader'
import { deleteView, savedViews, saveView } from '../saved_views'
import type { JobCounts } from '../schemas'
import { AgreementDialog } from './reader_agreement'

const TYPING_MS = 200
const number = new Intl.NumberFormat('en')
const FACETS = [
  ['model', 'Model', 'models', 'All models'],
  ['modality', 'Modality', 'modalities', 'All modalities'],
  ['reviewer', 'Reader', 'reviewers', 'All readers'],
  ['assignee', 'Assigned to', 'assignees', 'Assigned to anyone'],
] as const
type Facet = (typeof FACETS)[number][0]

export class ListFilters {
  readonly root: HTMLElement
  private typing = 0
  private readonly tab: HTMLSelectElement
  private readonly sort: HTMLSelectElement
  private readonly text: HTMLInputElement
  private readonly facets: Record<Facet, HTMLSelectElement>
  private readonly from = this.day('From')
  private readonly to = this.day('To')
  private readonly unread = element(
    'label.check',
    {},
    element('input', { type: 'checkbox', onchange: () => this.changed() }),
    'Not yet read by me',
  )
  private readonly agreement: AgreementDialog
  private readonly more: HTMLDetailsElement
  private readonly reset: HTMLButtonElement
  private readonly views = element('select', {
    'aria-label': 'Saved views',
    onchange: () => this.open(this.views.value),
  })
  private readonly viewName = element('input', {
    type: 'text',
    maxlength: 60,
    'aria-label': 'Name of the view',
    placeholder: 'Save as …',
  })

  constructor(private readonly onQuery: (query: JobQuery) => void) {
    const changed = (): void => this.changed()
    this.tab = choice('Filter', changed, tabOptions(null))
    this.sort = choice('Order', changed, Object.entries(SORTS))
    this.text = element('input', {
      type: 'search',
      maxlength: 200,
      'aria-label': 'Search names of scans and pseudonyms of patients',
      placeholder: 'Search names, pseudonyms',
      oninput: () => {
        clearTimeout(this.typing)
        this.typing = window.setTimeout(changed, TYPING_MS)
      },
    })
    this.facets = Object.fromEntries(
      FACETS.map(([name, label, , all]) => [name, choice(label, changed, [['', all]])]),
    ) as Record<Facet, HTMLSelectElement>
    this.offerReaders()
    reader.onChange(() => {
      this.offerReaders()
      this.listViews(this.views.value)
    })
    this.reset = element(
      'button.quiet',
      {
        type: 'button',
        hidden: true,
        onclick: () => this.show({ ...EVERYTHING, tab: this.query.tab }),
      },
      'Clear filters',
    )
    this.agreement = new AgreementDialog(() => this.changed())
    this.more = element(
      'details.more',
      { ontoggle: () => this.more.open && void this.loadChoices() },
      element('summary', {}, 'More filters and views'),
      element('div.facets', {}, ...Object.values(this.facets), this.from, this.to, this.unread),
      element(
        'form.views',
        {
          onsubmit: (event: Event) => {
            event.preventDefault()
            this.save()
          },
        },
        this.views,
        this.viewName,
        element('button', {}, 'Save'),
        element('button.quiet', { type: 'button', onclick: () => this.remove() }, 'Delete view'),
      ),
      element(
        'button.quiet',
        {
          type: 'button',
          onclick: () => void this.agreement.open(selection(this.query, reader.name)),
        },
        'Second readings …',
      ),
    )
    this.root = element(
      'div.filters',
      { role: 'search', 'aria-label': 'Jobs' },
      this.tab,
      this.sort,
      this.text,
      this.reset,
      this.more,
    )
    document.body.append(this.agreement.root)
    this.listViews()
  }

  get query(): JobQuery {
    const value = (select: HTMLSelectElement): string => select.value
    return {
      tab: this.tab.value as Tab,
      sort: this.sort.value as Sort,
      text: this.text.value,
      model: value(this.facets.model),
      modality: value(this.facets.modality),
      reviewer: value(this.facets.reviewer),
      assignee: value(this.facets.assignee),
      unread: inputOf(this.unread).checked ? MINE : '',
      from: inputOf(this.from).value,
      to: inputOf(this.to).value,
    }
  }

  /** Writes the number of jobs behind each choice of the tab. */
  showCounts(counts: JobCounts): void {
    for (const [tab, label] of tabOptions(counts)) {
      const option = this.tab.querySelector<HTMLOptionElement>(`option[value="${tab}"]`)!
      if (option.textContent !== label) option.textContent = label
    }
  }

  /** Shows the jobs of a query, such as a saved one. */
  private show(query: JobQuery): void {
    this.tab.value = query.tab
    this.sort.value = query.sort
    this.text.value = query.text
    for (const [name, select] of Object.entries(this.facets)) {
      choose(select, query[name as keyof JobQuery])
    }
    inputOf(this.unread).checked = query.unread !== ''
    this.dropMine()
    inputOf(this.from).value = query.from
    inputOf(this.to).value = query.to
    this.changed()
  }

  private changed(): void {
    clearTimeout(this.typing)
    const { query } = this
    this.reset.hidden = !isNarrowed(query)
    this.onQuery(query)
  }

  /** The models, modalities and readers of all jobs. */
  private async loadChoices(): Promise<void> {
    const counts = await api.jobCounts(new URLSearchParams()).catch(() => null)
    if (counts === null) return // the page says that the gateway is unavailable
    for (const [name, , kind, all] of FACETS) {
      const select = this.facets[name]
      const chosen = select.value
      const known = Object.entries(counts[kind]).map(([value, count]): [string, string] => [
        value,
        `${value} (${number.format(count)})`,
      ])
      fill(select, ...options([['', all], ...known]))
      if (name === 'assignee') this.offerReaders()
      choose(select, chosen)
    }
  }

  /** Jobs of the reader, if the name is known, and of nobody, before those of all others. */
  private offerReaders(): void {
    const select = this.facets.assignee
    const chosen = select.value
    for (const option of [...select.options]) if (option.value.startsWith('*')) option.remove()
    const mine: [string, string][] = reader.name === '' ? [] : [[MINE, `Me (${reader.name})`]]
    const first = select.options[0] ?? null
    first?.after(...options([...mine, [NOBODY, 'Nobody']]))
    select.value = chosen
    this.unread.hidden = reader.name === ''
    const lost = reader.name === '' && (chosen === MINE || inputOf(this.unread).checked)
    this.dropMine()
    if (lost) this.changed()
  }

  /** Without the reader's name, nothing is known to be the reader's. */
  private dropMine(): void {
    if (reader.name !== '') return
    const { assignee } = this.facets
    if (assignee.selectedIndex < 0 || assignee.value === MINE) assignee.value = ''
    inputOf(this.unread).checked = false
  }

  private listViews(chosen = ''): void {
    const names = Object.keys(savedViews()).sort((a, b) => a.localeCompare(b))
    fill(
      this.views,
      ...options([['', names.length > 0 ? 'Saved views' : 'No saved views'], ...names.map(twice)]),
    )
    this.views.value = chosen
  }

  private open(name: string): void {
    const view = savedViews()[name]
    if (view !== undefined) this.show(view)
  }

  private save(): void {
    const name = this.viewName.value.trim() || this.views.value
    if (name === '') {
      this.viewName.focus()
      return
    }
    saveView(name, this.query)
    this.viewName.value = ''
    this.listViews(name)
  }

  private remove(): void {
    deleteView(this.views.value)
    this.listViews()
  }

  private day(label: string): HTMLLabelElement {
    return element(
      'label',
      {},
      label,
      element('input', { type: 'date', onchange: () => this.changed() }),
    )
  }
}

function inputOf(label: HTMLLabelElement): HTMLInputElement {
  return label.querySelector('input')!
}

function choice(
  label: string,
  onchange: () => void,
  values: [string, string][],
): HTMLSelectElement {
  return element('select', { 'aria-label': label, onchange }, ...options(values))
}

function options(values: [string, string][]): HTMLOptionElement[] {
  return values.map(([value, label]) => element('option', { value }, label))
}

/** Chooses a value, which is added if the list does not have it. */
function choose(select: HTMLSelectElement, value: string): void {
  select.value = value
  if (select.value !== value) {
    select.append(element('option', { value }, value))
    select.value = value
  }
}

function twice(name: string): [string, string] {
  return [name, name]
}

function tabOptions(counts: JobCounts | null): [Tab, string][] {
  return (Object.keys(TABS) as Tab[]).map((tab) => {
    const count = counts === null ? '' : ` (${number.format(countOf(tab, counts))})`
    return [tab, TABS[tab].label + count]
  })
}

/** What is compared: the mask A, the second scan, and the mask B. */

import { element, fill } from '../element'
import type { MaskRef } from '../route'
import type { RelatedScan, Scan } from '../schemas'
import { countText } from '../text'
import { isSame, type MaskChoice, optionOf, RELATIONS } from './choices'

export interface BarEvents {
  first: (mask: MaskRef) => void
  /** Null: the same scan. */
  scan: (scan: string | null) => void
  second: (mask: MaskRef | null) => void
  find: (name: string) => void
  swap: () => void
}

export class CompareBar {
  readonly root: HTMLElement
  private readonly first = select('compare-first', 'Mask A')
  private readonly scan = select('compare-scan', 'Second scan')
  private readonly second = select('compare-second', 'Mask B')
  private readonly name = element('input', {
    type: 'search',
    id: 'compare-name',
    placeholder: 'Find a scan',
    'aria-label': 'Find a scan by a part of its name',
    maxlength: 200,
  })
  private readonly found = element('span.unseen', { role: 'status' })
  private masks: [MaskChoice[], MaskChoice[]] = [[], []]

  constructor(events: BarEvents) {
    this.first.onchange = () => events.first(refOf(this.masks[0], this.first.value)!)
    this.scan.onchange = () => events.scan(this.scan.value === '' ? null : this.scan.value)
    this.second.onchange = () => events.second(refOf(this.masks[1], this.second.value))
    this.name.onchange = () => events.find(this.name.value.trim())
    this.name.onkeydown = ({ key }) => key === 'Escape' && this.name.blur()
    this.root = element(
      'div.choices',
      { role: 'group', 'aria-label': 'What is compared' },
      element('label', {}, element('b', {}, 'A'), this.first),
      element('label', {}, element('b', {}, 'B'), this.scan),
      this.name,
      element('label', {}, this.second),
      element(
        'button',
        {
          type: 'button',
          title: 'Exchange A and B',
          'aria-label': 'Exchange A and B',
          onclick: () => events.swap(),
        },
        '⇄',
      ),
      this.found,
    )
  }

  clear(): void {
    for (const one of [this.first, this.scan, this.second]) fill(one)
    this.name.value = ''
    this.found.textContent = ''
  }

  /** The masks of the first scan and of the second one, and which are chosen. */
  showMasks(masks: [MaskChoice[], MaskChoice[]], first: MaskRef, second: MaskRef | null): void {
    this.masks = masks
    fill(this.first, ...optionsOf(masks[0]))
    this.first.value = optionOf(first)
    fill(
      this.second,
      element('option', { value: '' }, 'No mask'),
      ...optionsOf(masks[1].filter(({ ref }) => !isSame(ref, first))),
    )
    this.second.value = optionOf(second)
  }

  /** Scans to choose from; `chosen`: the second scan, null for the same one. */
  showScans(scans: RelatedScan[], more: boolean, chosen: Scan | null, said: boolean): void {
    const others = scans.filter(({ scan }) => scan.id !== chosen?.id)
    fill(
      this.scan,
      element('option', { value: '' }, 'The same scan'),
      chosen !== null && element('option', { value: chosen.id }, scanText(chosen)),
      ...RELATIONS.map(([relation, label]) => group(label, relation, others)),
      more && element('option', { disabled: true }, 'More: find one by its name'),
    )
    this.scan.value = chosen?.id ?? ''
    const count = more ? `more than ${scans.length} scans` : countText(scans.length, 'scan')
    this.found.textContent = said ? `${count} in the list “Second scan”` : ''
    if (said) this.scan.focus()
  }
}

function select(id: string, name: string): HTMLSelectElement {
  return element('select', { id, 'aria-label': name, title: name })
}

function optionsOf(choices: MaskChoice[]): HTMLElement[] {
  return choices.map(({ ref, text }) => element('option', { value: optionOf(ref) }, text))
}

function refOf(choices: MaskChoice[], value: string): MaskRef | null {
  return choices.find(({ ref }) => optionOf(ref) === value)?.ref ?? null
}

function group(label: string, relation: string, scans: RelatedScan[]): HTMLElement | false {
  const its = scans.filter((one) => one.relation === relation)
  if (its.length === 0) return false
  const options = its.map(({ scan }) => element('option', { value: scan.id }, scanText(scan)))
  return element('optgroup', { label }, ...options)
}

/** Its name, modality, series and day, as far as they are known. */
export function scanText(scan: Scan): string {
  const series = scan.series_number == null ? '' : `series ${scan.series_number}`
  const facts = [scan.name, scan.modality ?? '', series, scan.study_date ?? '']
  return facts.filter((fact) => fact !== '').join(', ')
}

/** How much two masks overlap, in numbers: Dice of each label, and what differs. */

import { element, fill, swatch } from '../element'
import type { Comparison, LabelComparison } from '../schemas'
import { countText, sizeText } from '../text'
import type { Legend } from '../viewer/legend'
import { KINDS } from './difference_legend'

export class Figures {
  readonly root = element('section.figures', { 'aria-label': 'Overlap of the masks' })

  /** `onChange`: kinds of differences were hidden or shown. */
  constructor(private readonly onChange: () => void) {}

  /** Shows numbers, or why there are none. */
  show(found: Comparison | null, legend: Legend, reason = ''): void {
    if (found === null) {
      fill(this.root, reason !== '' && element('p.fact', {}, reason))
      return
    }
    fill(
      this.root,
      element('h2', {}, 'Overlap'),
      element('p.dice', { id: 'dice' }, `Dice ${diceFigure(found.dice)}`),
      found.objects &&
        element('p.fact', {}, 'Objects have numbers, no labels: the areas of all are compared.'),
      found.matched_by === 'name' &&
        element('p.fact', {}, 'Labels of the same name are compared: their numbers differ.'),
      element(
        'ul.kinds',
        { 'aria-label': 'Differences' },
        ...KINDS.map((kind) => this.kindRow(kind, found, legend)),
      ),
      this.table(found),
    )
  }

  private kindRow(kind: (typeof KINDS)[number], found: Comparison, legend: Legend): HTMLElement {
    const box = element('input', {
      type: 'checkbox',
      checked: true,
      onchange: () => {
        legend.show(kind.value, box.checked)
        this.onChange()
      },
    })
    const count = kind.count(found)
    return element(
      'li',
      { 'data-kind': kind.value },
      element(
        'label',
        {},
        box,
        swatch(kind.color),
        element('span.name', {}, kind.name),
        element('span.size', {}, sizeOf(count, found)),
        element('span.fact', {}, countText(count, found.voxel_ml === null ? 'pixel' : 'voxel')),
      ),
    )
  }

  /** The lowest Dice first. */
  private table(found: Comparison): HTMLElement {
    const rows = [...found.labels].sort((a, b) => a.dice - b.dice)
    return element(
      'table',
      { 'aria-label': 'Dice of each label' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...['Label', 'Dice', 'A', 'B'].map((name) => element('th', { scope: 'col' }, name)),
        ),
      ),
      element('tbody', {}, ...rows.map((row) => labelRow(row, found))),
    )
  }
}

function labelRow({ value, name, dice, first, second }: LabelComparison, found: Comparison) {
  return element(
    'tr',
    { 'data-label': value },
    element('th', { scope: 'row' }, name),
    element('td', {}, diceFigure(dice)),
    element('td', {}, sizeOf(first, found)),
    element('td', {}, sizeOf(second, found)),
  )
}

/** Masks that differ never have 1.000. */
export function diceFigure(dice: number): string {
  return dice < 1 && dice > 0.9995 ? '> 0.999' : dice.toFixed(3)
}

/** The size of a number of voxels in ml, of pixels in mm², or their number. */
function sizeOf(count: number, { voxel_ml, voxel_mm2 }: Comparison): string {
  if (count === 0) return '0'
  return sizeText({
    value: 0,
    voxels: count,
    volume_ml: voxel_ml === null ? null : count * voxel_ml,
    area_mm2: voxel_mm2 === null ? null : count * voxel_mm2,
  })
}

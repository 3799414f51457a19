/** The mask's labels and objects with their sizes, the downloads, and how the mask was made. */

import { element, fill } from '../element'
import { rovingList } from '../roving'
import type { Download, Label, Measurement, ModelRun, Report } from '../schemas'
import { countText, durationText, sizeText } from '../text'
import type { Legend } from '../viewer/legend'
import { ownLinks } from './downloads'
import type { MaskVersion } from './mask_version'

const MAX_OBJECTS = 500 // in the table; the report lists them all

export interface FindingsActions {
  jump: (measured: Measurement) => void
  recolour: () => void
}

export class Findings {
  readonly root = element('section.findings', { 'aria-label': 'Measurements' })

  constructor(
    private readonly actions: FindingsActions,
    private readonly version: MaskVersion,
  ) {}

  clear(): void {
    fill(this.root)
  }

  /** `measured`: null while the mask on screen is being measured. */
  show(
    report: Report,
    legend: Legend,
    downloads: Download[],
    measured: Report['measurements'] | null,
  ): void {
    fill(
      this.root,
      element('h2', {}, 'Labels'),
      this.version.note,
      rovingList(
        'ul.labels',
        legend.labels.map((label) => {
          return this.row(label, measured === null ? null : measuredOf(measured, label), legend)
        }),
      ),
      measured !== null &&
        measured.instances !== null &&
        element('p.fact', {}, `${countText(measured.instances.count, 'object')} in total`),
      legend.instances &&
        (measured?.objects?.length ?? 0) > 0 &&
        this.objects(measured!.objects!, legend),
      ownLinks(downloads),
      this.version.links,
      this.origin(report),
    )
  }

  /** `measured`: undefined without a voxel; null: not known yet. */
  private row(label: Label, measured: Measurement | undefined | null, legend: Legend): HTMLElement {
    const box = element('input', {
      type: 'checkbox',
      checked: true,
      'aria-label': `Show ${label.name}`,
      onchange: () => {
        legend.show(label.value, box.checked)
        this.actions.recolour()
      },
    })
    const present = measured != null && (measured.voxels ?? measured.area_px ?? 0) > 0
    return element(
      'li',
      { 'data-label': label.value },
      box,
      dot(legend, label),
      element(
        'button.jump',
        {
          type: 'button',
          disabled: !present || legend.instances,
          title: legend.instances ? '' : 'Move the crosshair to the centre of this label',
          onclick: () => this.actions.jump(measured!),
        },
        element('span.name', {}, label.name),
        element(
          'span.size',
          {},
          present ? sizeText(measured) : measured === null ? '…' : 'not found',
        ),
        ...(present ? factsOf(measured).map((fact) => element('span.fact', {}, fact)) : []),
      ),
      present && this.opacityOf(label, legend),
    )
  }

  private opacityOf(label: Label, legend: Legend): HTMLElement {
    const range = element('input.opacity', {
      type: 'range',
      min: 0,
      max: 100,
      step: 10,
      value: 100,
      'aria-label': `Opacity of ${label.name}`,
      title: 'Opacity of the area of this label',
      oninput: () => {
        legend.setOpacity(label.value, Number(range.value) / 100)
        this.actions.recolour()
      },
    })
    return range
  }

  private objects(objects: Measurement[], legend: Legend): HTMLElement {
    const listed = objects.slice(0, MAX_OBJECTS)
    const more = objects.length - listed.length
    return element(
      'details.objects',
      {},
      element('summary', {}, 'Objects'),
      rovingList(
        'ul',
        listed.map((object) => this.object(object, legend)),
      ),
      more > 0 &&
        element(
          'p.hint',
          {},
          `${countText(more, 'more object')} not shown here. The downloaded report lists all of them.`,
        ),
    )
  }

  private object(object: Measurement, legend: Legend): HTMLElement {
    const mark = element('span.swatch', { 'aria-hidden': 'true' })
    mark.style.background = `rgb(${legend.colourOf(object.value).join()})`
    return element(
      'li',
      {},
      element(
        'button.jump',
        {
          type: 'button',
          title: 'Move the crosshair to the centre of this object',
          onclick: () => this.actions.jump(object),
        },
        mark,
        element('span.name', {}, String(object.value)),
        element('span.size', {}, sizeText(object)),
      ),
    )
  }

  private origin(report: Report): HTMLElement {
    const facts: [string, string][] = [
      ['Model', `${report.model.name} ${report.model.version}`],
      ['Model checksum', report.model.sha256.slice(0, 12)],
      ['Runtime', `${report.device}, ${report.precision}`],
      report.tiling.kind === 'windows'
        ? ['Windows', `${report.tiling.tiles} (overlapping; their outputs are blended)`]
        : [
            'Tiles',
            `${report.tiling.tiles}${report.exact ? ' (the mask does not depend on the tiles)' : ''}`,
          ],
    ]
    for (const part of report.parts ?? []) facts.push(['Part', runText(part)])
    if (report.box_found_by) facts.push(['Box found by', runText(report.box_found_by)])
    if (report.seconds.total !== undefined) facts.push(['Time', durationText(report.seconds.total)])
    return element(
      'details.origin',
      {},
      element('summary', {}, 'How the mask was made'),
      element(
        'dl',
        {},
        ...facts.flatMap(([term, fact]) => [element('dt', {}, term), element('dd', {}, fact)]),
      ),
    )
  }
}

function runText(run: ModelRun): string {
  return `${run.model.name} ${run.model.version} (${run.device}, ${run.precision})`
}

function measuredOf({ labels }: Report['measurements'], label: Label): Measurement | undefined {
  return labels.find((measured) => measured.value === label.value)
}

function dot(legend: Legend, label: Label): HTMLElement {
  const mark = element('span.swatch', { 'aria-hidden': 'true' })
  if (legend.instances) mark.classList.add('many')
  else mark.style.background = label.color
  return mark
}

function factsOf(measured: Measurement): string[] {
  const facts: string[] = []
  if (typeof measured.volume_ml === 'number' && measured.voxels !== undefined) {
    facts.push(countText(measured.voxels, 'voxel'))
  }
  if (measured.centroid_mm) {
    facts.push(`centre ${measured.centroid_mm.map((mm) => mm.toFixed(1)).join(', ')} mm`)
  } else if (measured.centroid_voxel) {
    const [row, column] = measured.centroid_voxel.map((n) => n.toFixed(0))
    facts.push(`centre at column ${column}, row ${row}`)
  }
  return facts
}

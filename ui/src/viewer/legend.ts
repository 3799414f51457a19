/** The colour and the visibility of each value of a mask. */

import type { Job, Label, Model, Report } from '../schemas'
import { modelText } from '../text'

const CYCLE = 24 // colours for numbered objects
const SLOTS = 240 // slots for numbered objects: neighbours with one slot would have no border
const LAST = 255 // the library draws outlines of 8-bit labels only; values beyond share this slot

const GOLDEN_ANGLE = 137.508 // degrees: consecutive colours differ strongly in hue

type Colour = [number, number, number]
/** Red, green, blue and opacity, 0..255. */
export type Colour4 = [number, number, number, number]

export function rgb(hex: string): Colour {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

function hsl(hue: number, saturation: number, lightness: number): Colour {
  const chroma = saturation * Math.min(lightness, 1 - lightness)
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [part(0), part(8), part(4)]
}

/** Distinct colours for numbered objects. */
export const OBJECT_COLOURS: Colour[] = Array.from({ length: CYCLE }, (_, n) =>
  hsl((40 + n * GOLDEN_ANGLE) % 360, 0.85, [0.58, 0.68, 0.5][n % 3]!),
)

const GREY: Colour = [150, 150, 150] // a value that the model's card does not list

export class Legend {
  readonly labels: Label[]
  readonly instances: boolean
  private readonly hidden = new Set<number>()
  private readonly opacities = new Map<number, number>()
  /** The mask's value in each slot; several values may share the last one. */
  private values: number[] = []
  /** What follows if values share a slot, in the mask for which slots were asked last; else empty. */
  shared = ''

  constructor(model: Model) {
    this.labels = model.labels
    this.instances = model.instances
  }

  show(value: number, visible: boolean): void {
    if (visible) this.hidden.delete(value)
    else this.hidden.add(value)
  }

  /** Opacity of a label, 0..1, as a part of the mask's opacity. */
  setOpacity(value: number, opacity: number): void {
    this.opacities.set(value, opacity)
  }

  /** The name of a mask's value, for the readout. */
  nameOf(value: number): string {
    if (value === 0) return ''
    if (this.instances) return `${this.labels[0]?.name ?? 'object'} ${value}`
    return this.labels.find((label) => label.value === value)?.name ?? `label ${value}`
  }

  /** The colour of an object or label, as the mask shows it. */
  colourOf(value: number): Colour {
    if (this.instances) return OBJECT_COLOURS[(value - 1) % CYCLE]!
    const label = this.labels.find((one) => one.value === value)
    return label === undefined ? GREY : rgb(label.color)
  }

  /** The opacity of an object or label, 0..1, as a part of the mask's; 0 only if it is hidden. */
  opacityOf(value: number): number {
    const label = this.instances ? (this.labels[0]?.value ?? 1) : value
    return this.hidden.has(label) ? 0 : Math.max(1 / 255, this.opacities.get(label) ?? 1)
  }

  /** The mask's value in a slot: the first one, where several share it. */
  valueOf(slot: number): number {
    return this.values[slot - 1] ?? 0
  }

  /** The slot of a value; 0 if it has none. */
  slotOf(value: number): number {
    return value === 0 ? 0 : this.values.indexOf(value) + 1
  }

  /** The slot of each voxel: one byte, however large the mask's values are. */
  slotsOf(mask: ArrayLike<number>): Uint8Array {
    return this.instances ? this.slotsOfObjects(mask) : this.slotsOfLabels(mask)
  }

  /** The colour and opacity of each slot; only hidden labels and the background have opacity 0. */
  colours(): Colour4[] {
    const shown = this.values.map((value): Colour4 => {
      return [...this.colourOf(value), Math.round(255 * this.opacityOf(value))]
    })
    return [[0, 0, 0, 0], ...shown]
  }

  private slotsOfObjects(mask: ArrayLike<number>): Uint8Array {
    this.values = Array.from({ length: SLOTS }, (_, n) => n + 1)
    const slots = new Uint8Array(mask.length)
    let largest = 0
    for (let n = 0; n < mask.length; n++) {
      const value = mask[n]!
      if (value === 0) continue
      slots[n] = 1 + ((value - 1) % SLOTS)
      if (value > largest) largest = value
    }
    this.shared =
      largest <= SLOTS
        ? ''
        : `it numbers objects up to ${largest}, and only ${SLOTS} are told apart here. Two objects that touch and whose numbers differ by ${SLOTS} look like one.`
    return slots
  }

  /**
   * Labels get slots in the order in which they first occur in the mask; then those that do not
   * occur, since a correction may add them.
   */
  private slotsOfLabels(mask: ArrayLike<number>): Uint8Array {
    const table = new Map<number, number>([[0, 0]])
    const slots = new Uint8Array(mask.length)
    for (let n = 0; n < mask.length; n++) {
      const value = mask[n]!
      if (value === 0) continue // most voxels; the table is slow
      let slot = table.get(value)
      if (slot === undefined) table.set(value, (slot = Math.min(LAST, table.size)))
      slots[n] = slot
    }
    for (const { value } of this.labels) {
      if (!table.has(value)) table.set(value, Math.min(LAST, table.size))
    }
    const labels = table.size - 1 // without the background
    this.shared =
      labels < LAST
        ? ''
        : `it has ${labels} labels, and only ${LAST - 1} are told apart here. The others look like one.`
    this.values = [...table.keys()].slice(1, LAST + 1)
    return slots
  }
}

export function hex([r, g, b]: [number, number, number]): string {
  return `#${[r, g, b].map((n) => n.toString(16).padStart(2, '0')).join('')}`
}

function labelsOf({ uploaded, measurements }: Report): Label[] {
  if (uploaded !== undefined) {
    return uploaded.labels.map(({ number, name, color }) => ({ value: number, name, color }))
  }
  return measurements.labels.map(({ value, name }, n) => ({
    value,
    name: name ?? `label ${value}`,
    color: hex(OBJECT_COLOURS[n % OBJECT_COLOURS.length]!),
  }))
}

/** The labels of a mask without a model, or with one that is no longer installed, taken from the job's report. */
export function modelOfReport(job: Job, report: Report): Model {
  return {
    name: job.model,
    version: job.model_version,
    title: modelText(job),
    description: '',
    dimension: 3,
    channels: Object.keys(job.scans),
    labels: labelsOf(report),
    instances: report.measurements.instances !== null,
    exact: report.exact,
    licence: '',
    intended_use: '',
  }
}

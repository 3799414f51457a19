/** The colour and the visibility of each value of a mask. */

import type { Job, Label, Model, Report } from '../schemas'

const CYCLE = 24 // colours for numbered objects
const UNKNOWN = 255 // a value that the model's card does not list
const BELOW = -8 // where the viewer's colour map begins, see colourMap
const GOLDEN_ANGLE = 137.508 // degrees: consecutive colours differ strongly in hue

type Colour = [number, number, number]

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

export class Legend {
  readonly labels: Label[]
  readonly instances: boolean
  private readonly hidden = new Set<number>()

  constructor(model: Model) {
    this.labels = model.labels.slice(0, UNKNOWN - 1)
    this.instances = model.instances
  }

  visible(value: number): boolean {
    return !this.hidden.has(value)
  }

  show(value: number, visible: boolean): void {
    if (visible) this.hidden.delete(value)
    else this.hidden.add(value)
  }

  /** The name of a mask's value, for the readout. */
  nameOf(value: number): string {
    if (value === 0) return ''
    if (this.instances) return `${this.labels[0]?.name ?? 'object'} ${value}`
    return this.labels.find((label) => label.value === value)?.name ?? `label ${value}`
  }

  /** The colour of an object or label, as the mask shows it. */
  colourOf(value: number): Colour {
    const slot = this.slotOf(value)
    return this.slots()[slot] ?? [128, 128, 128]
  }

  /** The colour slot of each voxel: one byte, however large the mask's values are. */
  slotsOf(mask: ArrayLike<number>): Uint8Array {
    const slots = new Uint8Array(mask.length)
    const table = new Map(this.labels.map((label, n) => [label.value, n + 1]))
    for (let n = 0; n < mask.length; n++) {
      const value = mask[n]!
      if (value === 0) continue
      slots[n] = this.instances ? 1 + ((value - 1) % CYCLE) : (table.get(value) ?? UNKNOWN)
    }
    return slots
  }

  /**
   * The viewer's label colour map. It begins below 0, with unused slots, because NiiVue draws
   * the first 1/128 of a map (in a long one, the background) in the map's third colour.
   */
  colourMap(): { R: number[]; G: number[]; B: number[]; A: number[]; I: number[] } {
    const map = { R: [0], G: [0], B: [0], A: [0], I: [BELOW] }
    for (const [slot, [r, g, b]] of this.slots().entries()) {
      const value = this.instances ? this.labels[0]?.value : this.labels[slot - 1]?.value
      map.R.push(r)
      map.G.push(g)
      map.B.push(b)
      map.A.push(slot === 0 || (value !== undefined && this.hidden.has(value)) ? 0 : 255)
      map.I.push(slot)
    }
    return map
  }

  private slotOf(value: number): number {
    return this.slotsOf([value])[0]!
  }

  /** Colours by slot: background first, values without a label last. */
  private slots(): Colour[] {
    const black: Colour = [0, 0, 0]
    if (this.instances) return [black, ...OBJECT_COLOURS]
    const listed = this.labels.map((label) => rgb(label.color))
    const filler = Array.from(
      { length: UNKNOWN - 1 - listed.length },
      (): Colour => [150, 150, 150],
    )
    return [black, ...listed, ...filler, [150, 150, 150]]
  }
}

export function hex([r, g, b]: [number, number, number]): string {
  return `#${[r, g, b].map((n) => n.toString(16).padStart(2, '0')).join('')}`
}

/** The labels of a model that is no longer installed, taken from the job's report. */
export function modelOfReport(job: Job, report: Report): Model {
  return {
    name: job.model,
    version: job.model_version,
    title: job.model,
    description: '',
    dimension: 3,
    channels: Object.keys(job.scans),
    labels: report.measurements.labels.map(({ value, name }, n) => ({
      value,
      name: name ?? `label ${value}`,
      color: hex(OBJECT_COLOURS[n % OBJECT_COLOURS.length]!),
    })),
    instances: report.measurements.instances !== null,
    exact: report.exact,
    licence: '',
    intended_use: '',
  }
}

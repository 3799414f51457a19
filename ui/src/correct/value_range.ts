/** The range of values that a tool works in, from a click or from the reader. */

import { element } from '../element'
import { checkField, type NumberField, numberField, row } from './fields'
import { rangeOf, type Spread, spreadAround, type ValueRange } from './operations/values'
import { sliceOf, voxelOf } from './spots'
import type { Context, Spot } from './tool'

export class RangePicker {
  private limits: ValueRange | null = null
  /** Whether each click sets the range. */
  private clicked = true
  private spread: Spread | null = null
  /** The labels of the correction for which the range was set. */
  private of: unknown = null
  private fields: { low: NumberField; high: NumberField; text: HTMLElement } | null = null

  /** `id`: begins the ids of the fields. `changed`: the reader set another range. */
  constructor(
    private readonly id: string,
    private readonly changed: (context: Context) => void = () => {},
  ) {}

  /** The range, which the click sets if it should; null where the scan has no value. */
  pick(context: Context, spot: Spot): ValueRange | null {
    this.follow(context)
    if (this.limits !== null && !this.clicked) return this.limits
    const at = voxelOf(spot, context.volume.dims)
    const spread =
      at === null ? null : spreadAround(context.scan, context.volume.dims, at, sliceOf(spot))
    if (spread === null) return null
    this.spread = spread
    this.limits = rangeOf(spread)
    this.show()
    return this.limits
  }

  get range(): ValueRange | null {
    return this.limits
  }

  /** "values 20 to 80", if the next click does not set them; else empty. */
  get text(): string {
    const { limits, clicked } = this
    return limits === null || clicked
      ? ''
      : `values ${digits(limits.low)} to ${digits(limits.high)}`
  }

  controls(context: Context): HTMLElement {
    this.follow(context)
    const what = context.scan.components === 3 ? 'Brightness' : 'Values'
    const field = (end: 'low' | 'high', label: string): NumberField =>
      numberField({
        id: `${this.id}-${end}`,
        label,
        name: `${what} ${end === 'low' ? 'from' : 'to'}`,
        value: this.limits?.[end] ?? null,
        changed: (value) => {
          this.set(end, value)
          box.show(false)
          this.changed(context)
        },
      })
    const box = checkField(`${this.id}-clicked`, 'Range from each click', this.clicked, (on) => {
      this.clicked = on
    })
    const text = element('p.hint', {})
    this.fields = { low: field('low', `${what} from`), high: field('high', 'to'), text }
    this.show()
    return element(
      'div.tool-part',
      {},
      row(this.fields.low.root, this.fields.high.root),
      box.root,
      text,
    )
  }

  /** A range belongs to a scan. */
  private follow({ volume }: Context): void {
    if (this.of === volume) return
    this.of = volume
    this.limits = null
    this.spread = null
    this.clicked = true
  }

  private set(end: 'low' | 'high', value: number): void {
    this.limits = { ...(this.limits ?? { low: value, high: value }), [end]: value }
    this.clicked = false
    this.spread = null
    if (this.fields === null) return
    const empty = this.limits.low > this.limits.high
    this.fields.text.textContent = empty
      ? 'The first value is above the second: none is between.'
      : ''
  }

  private show(): void {
    const { spread, limits } = this
    if (this.fields === null) return
    const { low, high, text } = this.fields
    low.show(limits?.low ?? null)
    high.show(limits?.high ?? null)
    text.textContent =
      spread === null
        ? ''
        : `Around the click: mean ${digits(spread.mean)}, SD ${digits(spread.sd)}. The range is the mean ± 2.5 SD.`
  }
}

/** Four digits are enough to read, and no digit before the point is lost. */
function digits(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4))
}

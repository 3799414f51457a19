/** Carries what was corrected on some slices over to the slices between them. */

import type { Point } from '../../schemas'
import { type Edit, type LabelVolume, Runs } from '../labels'
import { withoutEmpty } from './changes'
import { Between } from './shapes'
import { type Axis, axesOf, Marks, sliceOf } from './slice'

export interface Interpolation {
  /** The slices are those along this axis. */
  axis: Axis
  /** No gap with more slices is filled. */
  most: number
  /** `painted`: between slices that were corrected; `empty`: all gaps of the label. */
  between: 'painted' | 'empty'
}

export interface Interpolated {
  edits: Edit[]
  /** The slices that are changed, ascending. */
  slices: number[]
}

/**
 * A slice is painted if the label is not there as it is in `base`, the labels of the beginning.
 *
 * - A slice without the label gets a shape between those of the nearest slices with it.
 * - On a slice with the label, between painted ones, what was added on these is added, and what
 *   was removed is removed: the rest stays as it is.
 */
export function interpolated(
  volume: LabelVolume,
  base: Uint8Array,
  slot: number,
  { axis, most, between }: Interpolation,
): Interpolated {
  const stack = new Stack(volume, base, slot, axis)
  const plans = plansOf(stack, most, between)
  const [gained, lost] = [new Marks(volume.dims), new Marks(volume.dims)]
  const slices: number[] = []
  const shapes = new Shapes(stack)
  for (const plan of plans) {
    const { added, removed } = shapes.changes(plan)
    if (added.length + removed.length === 0) continue
    slices.push(plan.index)
    gained.add(added, { axis, index: plan.index })
    lost.add(removed, { axis, index: plan.index })
  }
  const edits = withoutEmpty([
    { slot, runs: gained.runs() },
    { slot: 0, runs: lost.runs() },
  ])
  return { edits, slices }
}

/** The slices of a label now and at the beginning, as masks of 0 and 1. */
class Stack {
  readonly count: number
  readonly dims: Point
  readonly spacing: Point
  /** For each slice, whether it has voxels of the label, and whether it was painted. */
  readonly full: boolean[]
  readonly painted: boolean[]

  constructor(
    private readonly volume: LabelVolume,
    private readonly base: Uint8Array,
    private readonly slot: number,
    private readonly axis: Axis,
  ) {
    const [u, v] = axesOf(axis)
    this.count = volume.dims[axis]
    this.dims = [volume.dims[u], volume.dims[v], 1]
    this.spacing = [volume.spacing[u], volume.spacing[v], volume.spacing[axis]]
    const all = Array.from({ length: this.count }, (_, index) => index)
    this.full = all.map((index) => this.now(index).includes(1))
    this.painted = all.map((index) => {
      const earlier = this.before(index)
      return this.now(index).some((one, n) => one !== earlier[n])
    })
  }

  now(index: number): Uint8Array {
    return this.mask(this.volume, index)
  }

  before(index: number): Uint8Array {
    return this.mask({ ...this.volume, data: this.base }, index)
  }

  private mask(volume: LabelVolume, index: number): Uint8Array {
    return sliceOf(volume, { axis: this.axis, index }).data.map((one) => Number(one === this.slot))
  }
}

/** A slice that lies between two others. */
interface Plan {
  index: number
  first: number
  second: number
  /** Whether it gets a whole shape; else what was added and removed. */
  whole: boolean
}

function plansOf(
  { count, full, painted }: Stack,
  most: number,
  between: Interpolation['between'],
): Plan[] {
  const plans: Plan[] = []
  for (let index = 0; index < count; index++) {
    if (painted[index]) continue
    const [a, b] = around(full, index)
    const whole = a >= 0 && b >= 0 && !full[index]
    if (whole && (between === 'empty' || painted[a] || painted[b])) {
      plans.push({ index, first: a, second: b, whole: true })
    } else if (between === 'painted') {
      const [first, second] = around(painted, index)
      if (first >= 0 && second >= 0) plans.push({ index, first, second, whole: false })
    }
  }
  return plans.filter(({ first, second }) => second - first - 1 <= most)
}

/** The nearest slices before and after one that are marked; -1 without any. */
function around(marked: boolean[], index: number): [number, number] {
  return [index === 0 ? -1 : marked.lastIndexOf(true, index - 1), marked.indexOf(true, index + 1)]
}

interface Parts {
  /** Flat indices on the slice, as runs. */
  added: Uint32Array
  removed: Uint32Array
}

/** What changes on planned slices; those of one gap come one after the other. */
class Shapes {
  private gap = ''
  private added: Between | null = null
  private removed: Between | null = null

  constructor(private readonly stack: Stack) {}

  changes(plan: Plan): Parts {
    this.prepare(plan)
    const share = (plan.index - plan.first) / (plan.second - plan.first)
    const [added, removed] = [this.added?.at(share), this.removed?.at(share)]
    const now = this.stack.now(plan.index)
    return {
      added: runsWhere(now, (n) => now[n] === 0 && added?.[n] === 1 && removed?.[n] !== 1),
      removed: runsWhere(now, (n) => now[n] === 1 && removed?.[n] === 1),
    }
  }

  private prepare({ first, second, whole }: Plan): void {
    const gap = `${first} ${second} ${whole}`
    if (gap === this.gap) return
    this.gap = gap
    const { stack } = this
    const part = (index: number, value: 0 | 1): Uint8Array => {
      const [now, before] = [stack.now(index), stack.before(index)]
      return now.map((one, n) => Number(one === value && (whole || before[n] !== value)))
    }
    const between = (value: 0 | 1): Between =>
      new Between(part(first, value), part(second, value), stack.dims, stack.spacing)
    this.added = between(1)
    this.removed = whole ? null : between(0)
  }
}

function runsWhere(mask: Uint8Array, test: (n: number) => boolean): Uint32Array {
  const runs = new Runs()
  for (let n = 0; n < mask.length; n++) if (test(n)) runs.add(n, 1)
  return runs.toArray()
}

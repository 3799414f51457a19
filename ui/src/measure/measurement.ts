/** What a reader measures, and the numbers that follow from its points alone. */

import type { MeasurementIn, MeasurementKind } from '../api_types'
import type { Point } from '../schemas'
import { cross, dot, plus } from '../viewer/geometry'

export type Kind = MeasurementKind

/** Points in RAS+ mm in a volume; (column, row, 0) in an image. */
export interface Drawn {
  id: string
  kind: Kind
  label: string
  points: Point[]
}

interface KindFacts {
  name: string
  key: string
  /** How many points the reader places; a region has two opposite corners. */
  placed: number
}

export const KINDS: Record<Kind, KindFacts> = {
  length: { name: 'Length', key: 'L', placed: 2 },
  angle: { name: 'Angle', key: 'G', placed: 3 },
  rectangle: { name: 'Rectangle', key: 'B', placed: 2 },
  ellipse: { name: 'Ellipse', key: 'E', placed: 2 },
  probe: { name: 'Probe', key: 'P', placed: 1 },
}
export const KIND_NAMES = Object.keys(KINDS) as Kind[]
/** The service stores no more with a review. */
export const MOST = 100
export const LONGEST_LABEL = 200

/** What a scan states about its geometry. */
export interface Place {
  /** Whether points are pixels of an image. */
  flat: boolean
  /** Millimetres of a pixel of an image: between rows, between columns; null if it is unknown. */
  spacing: readonly [number, number] | null
}

export interface Size {
  value: number
  unit: 'mm' | 'mm²' | 'px' | 'px²' | '°'
}

export function isRegion(kind: Kind): boolean {
  return kind === 'rectangle' || kind === 'ellipse'
}

/** The length, angle or area; null for a probe. */
export function sizeOf({ kind, points }: Drawn, place: Place): Size | null {
  const [a, b, c, d] = points.map((point) => plain(point, place)) as [Point, Point, Point, Point]
  const unit = place.flat && place.spacing === null ? 'px' : 'mm'
  if (kind === 'length') return { value: Math.hypot(...plus(b, a, -1)), unit }
  if (kind === 'angle') return { value: degrees(plus(a, b, -1), plus(c, b, -1)), unit: '°' }
  if (kind === 'rectangle') {
    return { value: between(plus(b, a, -1), plus(d, a, -1)), unit: `${unit}²` }
  }
  if (kind === 'ellipse') {
    return { value: (Math.PI / 4) * between(plus(b, a, -1), plus(d, c, -1)), unit: `${unit}²` }
  }
  return null
}

/** A point in coordinates whose distances are true. */
function plain(point: Point, { flat, spacing }: Place): Point {
  return flat && spacing !== null ? [point[0] * spacing[1], point[1] * spacing[0], 0] : point
}

function degrees(first: Point, second: Point): number {
  return (Math.atan2(between(first, second), dot(first, second)) * 180) / Math.PI
}

/** The area of the parallelogram between two sides. */
function between(first: Point, second: Point): number {
  return Math.hypot(...cross(first, second))
}

/** Its label, or "Length 2": the second length of the list. */
export function nameOf(drawn: Drawn, list: readonly Drawn[]): string {
  if (drawn.label !== '') return drawn.label
  const same = list.filter(({ kind }) => kind === drawn.kind)
  return `${KINDS[drawn.kind].name} ${same.indexOf(drawn) + 1}`
}

export function toWire({ id, kind, label, points }: Drawn): MeasurementIn {
  return { id, kind, label, points }
}

/** Measurements from the service or from a draft; those that this page does not know are left out. */
export function fromWire(list: unknown): Drawn[] {
  if (!Array.isArray(list)) return []
  return (list as Partial<MeasurementIn>[]).flatMap(({ id, kind, label, points }) =>
    typeof id === 'string' && kind !== undefined && kind in KINDS && Array.isArray(points)
      ? [{ id, kind, label: label ?? '', points: points as Point[] }]
      : [],
  )
}

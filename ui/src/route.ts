/** What the page shows, stored in the URL, so that a reload or a shared link shows the same. */

import type { Point } from './schemas'

/** A stored mask: of a job, or the one that a reader corrected in a review of it. */
export interface MaskRef {
  job: string
  review: string | null
}

/** Two masks, or two scans, side by side. */
export interface Compared {
  page: 'compare'
  first: MaskRef
  /** Null: not chosen yet, or a second scan without a mask. */
  second: MaskRef | null
  /** The second scan; null: that of the second mask, or the first scan. */
  scan: string | null
  /** Whether the difference of the masks is shown, over one image. */
  difference: boolean
  /** From the first scan to the same place in the second one, in RAS+ mm; null: none was set. */
  offset: Point | null
}

export type Route = { page: 'start' } | { page: 'models' } | { page: 'job'; id: string } | Compared

/** A link with which somebody sets a password. */
export interface SetupLink {
  link: string
  login: string
}

/** The setup link that the page was opened with; null: it was not. */
export function setupLink(hash: string = location.hash): SetupLink | null {
  const parts = new URLSearchParams(hash.replace(/^#/, ''))
  const link = parts.get('setup')
  return link === null ? null : { link, login: parts.get('user') ?? '' }
}

/** Nothing is chosen yet but the first mask. */
export function comparing(first: MaskRef, second: MaskRef | null = null): Compared {
  return { page: 'compare', first, second, scan: null, difference: false, offset: null }
}

const ID = /^[A-Za-z0-9_-]{1,64}$/

export function read(hash: string = location.hash): Route {
  const parts = new URLSearchParams(hash.replace(/^#/, ''))
  if (parts.has('models')) return { page: 'models' }
  const id = idOf(parts, 'job')
  if (id !== null) return { page: 'job', id }
  const first = maskOf(parts, 'compare', 'review')
  return first === null ? { page: 'start' } : compared(first, parts)
}

function compared(first: MaskRef, parts: URLSearchParams): Compared {
  return {
    page: 'compare',
    first,
    second: maskOf(parts, 'with', 'with-review'),
    scan: idOf(parts, 'scan'),
    difference: parts.get('show') === 'difference',
    offset: offsetOf(parts.get('offset')),
  }
}

export function hashOf(route: Route): string {
  if (route.page === 'start') return '#new'
  if (route.page === 'models') return '#models'
  return route.page === 'job' ? `#job=${route.id}` : hashOfCompared(route)
}

function hashOfCompared({ first, second, scan, difference, offset }: Compared): string {
  const parts = Object.entries({
    compare: first.job,
    review: first.review,
    scan,
    with: second?.job ?? null,
    'with-review': second?.review ?? null,
    show: difference ? 'difference' : null,
    offset: offset === null ? null : offset.map((mm) => Number(mm.toFixed(2))).join(','),
  })
  return `#${parts.flatMap(([name, value]) => (value === null ? [] : `${name}=${value}`)).join('&')}`
}

export function go(route: Route): void {
  location.hash = hashOf(route)
}

/** Changes the address alone: the page shows the route already. */
export function note(route: Route): void {
  history.replaceState(null, '', hashOf(route))
}

function idOf(parts: URLSearchParams, name: string): string | null {
  const id = parts.get(name)
  return id !== null && ID.test(id) ? id : null
}

function maskOf(parts: URLSearchParams, job: string, review: string): MaskRef | null {
  const id = idOf(parts, job)
  return id === null ? null : { job: id, review: idOf(parts, review) }
}

function offsetOf(text: string | null): Point | null {
  const numbers = (text ?? '').split(',').map(Number)
  const sound = text !== null && numbers.length === 3 && numbers.every(Number.isFinite)
  return sound ? (numbers as Point) : null
}

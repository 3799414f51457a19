/** Which panes each view shows. */

import { PLANES } from './geometry'
import type { Pair, Plane, View } from './port'

/** A pane of a volume: a plane, or the volume in 3D. */
export type Side = Plane | 'volume'

/** The combinations that can be shown side by side, with their names. */
export const PAIRS: readonly [Pair, string][] = [
  ['axial+coronal', 'Axial + coronal'],
  ['axial+sagittal', 'Axial + sagittal'],
  ['coronal+sagittal', 'Coronal + sagittal'],
  ['axial+volume', 'Axial + 3D'],
  ['coronal+volume', 'Coronal + 3D'],
  ['sagittal+volume', 'Sagittal + 3D'],
]

export function isPair(view: string): view is Pair {
  return PAIRS.some(([pair]) => pair === view)
}

export function isPlane(view: string): view is Plane {
  return PLANES.includes(view as Plane)
}

/** Whether a view shows one pane alone. */
export function isSingle(view: View): boolean {
  return isPlane(view) || view === 'volume'
}

/** The panes of a view, in the order in which they are read. */
export function panesOf(view: View): readonly Side[] {
  if (isSingle(view)) return [view as Side]
  if (isPair(view)) return view.split('+') as Side[]
  return view === 'four' ? [...PLANES, 'volume'] : PLANES
}

/** The view of that name, or the three planes if there is none. */
export function viewNamed(name: string): View {
  const several = ['planes', 'main', 'four', 'volume']
  return isPlane(name) || isPair(name) || several.includes(name) ? (name as View) : 'planes'
}

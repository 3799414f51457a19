/** The values under the crosshair, as text. */

import type { Legend } from '../viewer/legend'
import type { Readout } from '../viewer/port'

/** What is on screen. */
export interface Shown {
  /** Rows of an image, which is written by rows and columns; null for a volume. */
  rows: number | null
  /** Of the values; empty if it is not known. Null: the page has no values. */
  unit: string | null
  legend: Legend | null
}

export function readoutText(readout: Readout, { rows, unit, legend }: Shown): string {
  const { world, voxel, values, label } = readout
  const value = values.map((v) => String(Number(v.toPrecision(5)))).join(' ')
  const parts =
    rows === null
      ? [`${world.map((mm) => mm.toFixed(1)).join(', ')} mm (RAS)`, `voxel ${voxel.join(', ')}`]
      : [`column ${voxel[0]}`, `row ${rows - 1 - voxel[1]}`] // the last one is at j = 0
  const stored = value === '' ? 'outside the scan' : `value ${value} ${unit}`.trim()
  if (unit !== null) parts.push(stored)
  if (label !== 0 && legend !== null) parts.unshift(legend.nameOf(label))
  return parts.join('  ·  ')
}

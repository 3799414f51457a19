/** Measurements in words. */

import type { Grid } from '../viewer/nifti'
import { type Drawn, type Place, sizeOf } from './measurement'
import { type Statistics, statisticsOf } from './statistics'

/** The scan in which is measured. */
export interface Measured extends Place {
  /** Its voxels; null if the page does not have them. */
  grid: Grid | null
  /** Unit of its values, such as HU; empty if it is not known. */
  unit: string
}

/** The numbers of a measurement, the most important one first. */
export function linesOf(drawn: Drawn, scan: Measured): string[] {
  const size = sizeOf(drawn, scan)
  const values = scan.grid === null ? null : statisticsOf(drawn, scan.grid, scan.flat)
  const lines =
    size === null ? [] : [`${decimal(size.value)}${size.unit === '°' ? '' : ' '}${size.unit}`]
  if (values === null) return lines
  if (drawn.kind === 'probe')
    return [values.mean === null ? 'no value' : withUnit(values.mean, scan)]
  return [...lines, ...valueLines(values, scan)]
}

function valueLines({ voxels, mean, sd, minimum, maximum }: Statistics, scan: Measured): string[] {
  const count = `${voxels} ${scan.flat ? 'pixels' : 'voxels'}`
  if (mean === null || sd === null || minimum === null || maximum === null) return [count]
  return [
    `mean ${`${rounded(mean)} ${scan.unit}`.trimEnd()}, SD ${rounded(sd)}`,
    `min ${value(minimum)}, max ${value(maximum)}`,
    count,
  ]
}

function withUnit(number: number, { unit }: Measured): string {
  return `${value(number)} ${unit}`.trimEnd()
}

/** A length, angle or area: one decimal, and more for small ones. */
function decimal(number: number): string {
  return number >= 10 ? number.toFixed(1) : String(Number(number.toPrecision(3)))
}

/** A value of the scan: scanners store at most six digits. */
function value(number: number): string {
  return String(Number(number.toPrecision(6)))
}

/** Four digits of a mean, and no digit before the point less. */
function rounded(number: number): string {
  return Math.abs(number) >= 1000 ? number.toFixed(0) : String(Number(number.toPrecision(4)))
}

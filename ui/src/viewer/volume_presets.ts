/** How a volume looks in 3D: the library's presets, fitted to scans without fixed units. */

import { CONSTANTS, type Types } from '@cornerstonejs/core'
import type { Range } from './voi'

export interface VolumePreset {
  /** The library's name. */
  name: string
  text: string
  /** The preset's values that become black and white of the scan; null: values are in HU. */
  reach: [number, number] | null
}

const FOR_CT: VolumePreset[] = [
  { name: 'CT-Bone', text: 'Bone', reach: null },
  { name: 'CT-Muscle', text: 'Soft tissue', reach: null },
  { name: 'CT-Chest-Contrast-Enhanced', text: 'Vessels', reach: null },
  { name: 'CT-Lung', text: 'Lung', reach: null },
]

const FOR_OTHERS: VolumePreset[] = [
  { name: 'MR-Default', text: 'Surface', reach: [20, 220] },
  { name: 'MR-T2-Brain', text: 'Bright tissue', reach: [36, 412] },
  { name: 'MR-Angio', text: 'Vessels', reach: [0, 430] },
]

export function presetsFor(likeCt: boolean): VolumePreset[] {
  return likeCt ? FOR_CT : FOR_OTHERS
}

/** The library's preset with its values moved to those of a scan. */
export function fitted({ name, reach }: VolumePreset, range: Range): Types.ViewportPreset {
  const preset = CONSTANTS.VIEWPORT_PRESETS.find((one) => one.name === name)!
  if (reach === null) return preset
  const factor = (range.upper - range.lower) / (reach[1] - reach[0])
  const move = (value: number): number => range.lower + (value - reach[0]) * factor
  return {
    ...preset,
    scalarOpacity: moved(preset.scalarOpacity, 2, move),
    colorTransfer: moved(preset.colorTransfer, 4, move),
  }
}

/** Points as the library writes them: how many numbers, then a value and what belongs to it. */
export function moved(points: string, size: 2 | 4, move: (value: number) => number): string {
  const [count, ...numbers] = points.split(' ').map(Number)
  return [count, ...numbers.map((value, n) => (n % size === 0 ? move(value) : value))].join(' ')
}

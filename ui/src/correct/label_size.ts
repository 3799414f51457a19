/** The size of a number of voxels, in the unit of the labels on screen. */

import { sizeText } from '../text'
import type { LabelVolume } from './labels'

/** In ml or mm³ of a volume, in mm² or pixels of an image. */
export function labelSizeText(
  voxels: number,
  { volume: { dims, spacing }, unit }: { volume: LabelVolume; unit: 'mm' | 'px' },
): string {
  const [x, y, z] = spacing
  if (dims[2] > 1) return sizeText({ value: 0, volume_ml: (voxels * x * y * z) / 1000 })
  if (unit === 'mm') return sizeText({ value: 0, area_mm2: voxels * x * y })
  return sizeText({ value: 0, area_px: voxels })
}

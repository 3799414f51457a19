/** The window of grey values: PS3.3 C.11.2.1.2.1 (linear) and C.11.2.1.3.2 (linear exact). */

import type { Numbers } from './nifti'

export interface Window {
  centre: number
  width: number
  /** As the file states it; without it, that of the kind of values. */
  function?: WindowFunction
}

export type WindowFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID'

/** A window that a DICOM file states. */
export interface FileWindow extends Window {
  function: WindowFunction
  explanation: string
  slices: 'all' | 'most' | 'middle'
}

/** The values that are drawn black and white; those between are linear. */
export interface Range {
  lower: number
  upper: number
}

/**
 * The range of a window. DICOM's function LINEAR, for stored integers, is black up to
 * c - 0.5 - (w - 1) / 2 and white above c - 0.5 + (w - 1) / 2. For other values there is
 * LINEAR_EXACT, c - w / 2 to c + w / 2: the half steps would distort a scan of values 0 to 1.
 */
export function rangeOf({ centre, width, function: stated }: Window, integers: boolean): Range {
  if (stated !== undefined) integers = stated === 'LINEAR'
  const half = integers ? (Math.max(1, width) - 1) / 2 : width / 2
  const middle = integers ? centre - 0.5 : centre
  return { lower: middle - half, upper: middle + half }
}

/** The window of a range: the inverse of `rangeOf`. */
export function windowOf({ lower, upper }: Range, integers: boolean): Window {
  if (!integers) return { centre: (lower + upper) / 2, width: upper - lower }
  return { centre: (lower + upper + 1) / 2, width: upper - lower + 1 }
}

export interface Preset {
  name: string
  key: string
  window: Window
}

/** Windows for CT in HU. The keys are typed with Shift held. */
export const CT_PRESETS: Preset[] = [
  { name: 'Brain', key: '1', window: { centre: 40, width: 80 } },
  { name: 'Subdural', key: '2', window: { centre: 80, width: 200 } },
  { name: 'Lung', key: '3', window: { centre: -600, width: 1500 } },
  { name: 'Abdomen', key: '4', window: { centre: 50, width: 400 } },
  { name: 'Liver', key: '5', window: { centre: 60, width: 160 } },
  { name: 'Bone', key: '6', window: { centre: 400, width: 1800 } },
]

export interface Statistics {
  integers: boolean
  likeCt: boolean
  /** A range in which most of the object is grey. */
  range: Range
}

const SAMPLES = 200_000
const CLIPPED = 0.005 // fraction of the object's voxels that may be black, and that may be white
const AIR_HU = -400 // below: air, lung, and the padding outside of a scanner's circle
const CT_PADDING = -1024
const FEWEST_GREYS = 1 / 8 // of a window, that the object has: 32 of 256
const BACKGROUND = 0.02 // of the range above its lowest value: noise of the air around the object
const FEW_NEGATIVE = 0.02 // fraction of the voxels, if values below 0 are artefacts of the reconstruction
const NOISE = 0.1 // of the range above 0: values so little below 0 are noise around it, as in PET

/**
 * Facts about stored values, from an even sample of them; scaled by slope and intercept. `ct`: the
 * file states that it is a CT. Resampled CTs have values between the integers.
 */
export function statisticsOf(data: Numbers, slope = 1, intercept = 0, ct = false): Statistics {
  const sample = sampled(data, slope, intercept)
  const integers = sample.every(Number.isInteger)
  if (sample.length === 0) return { integers, likeCt: ct, range: { lower: 0, upper: 1 } }
  const likeCt = ct || (integers && isCt(sample))
  const object = likeCt ? sample.filter((value) => value > AIR_HU) : withoutBackground(sample)
  const values = object.length > 20 ? object : sample
  const lower = quantile(values, CLIPPED)
  const upper = quantile(values, 1 - CLIPPED)
  return { integers, likeCt, range: upper > lower ? { lower, upper } : widened(sample) }
}

/** Finite values in ascending order. */
function sampled(data: Numbers, slope: number, intercept: number): Float64Array {
  const step = Math.max(1, Math.floor(data.length / SAMPLES)) | 1
  const values = new Float64Array(Math.ceil(data.length / step))
  let count = 0
  for (let n = 0; n < data.length; n += step) {
    const value = data[n]! * slope + intercept
    if (Number.isFinite(value)) values[count++] = value
  }
  return values.subarray(0, count).sort()
}

/** Air near -1000 HU and tissue around 0; scanners store at most 12 bits or a little more. */
function isCt(ascending: Float64Array): boolean {
  const air = ascending.filter((value) => value >= CT_PADDING && value < -850).length
  const tissue = ascending.filter((value) => value > -200 && value < 200).length
  const lowest = ascending[0]!
  return lowest <= -850 && lowest >= -4096 && Math.min(air, tissue) > 0.01 * ascending.length
}

/**
 * Values of the object: those of the lowest value, which padding and masked air have, and those
 * just above it, are left out. Where air is noise around 0, as in PET, it reaches as far above 0 as
 * below. A few voxels below 0 do not make a background of what is above them.
 */
function withoutBackground(ascending: Float64Array): Float64Array {
  const upper = quantile(ascending, 1 - CLIPPED)
  const few = quantile(ascending, FEW_NEGATIVE) >= 0
  const lowest = few ? Math.max(0, ascending[0]!) : quantile(ascending, CLIPPED)
  const noise = lowest < 0 && -lowest < NOISE * upper ? -lowest : lowest
  const from = Math.max(noise, lowest + BACKGROUND * (upper - lowest))
  return ascending.filter((value) => value > from)
}

function quantile(ascending: Float64Array, fraction: number): number {
  return ascending[Math.round(fraction * (ascending.length - 1))]!
}

function widened(ascending: Float64Array): Range {
  const lower = ascending[0]!
  const upper = ascending[ascending.length - 1]!
  return upper > lower ? { lower, upper } : { lower: lower - 0.5, upper: lower + 0.5 }
}

/**
 * Whether a window shows the object. It does not if all of the object is black or white, or has
 * only a few of the greys: files of converted or rescaled scans may state such windows.
 */
export function showsObject(window: Window, { range, integers }: Statistics): boolean {
  const { lower, upper } = rangeOf(window, integers)
  const shared = Math.min(upper, range.upper) - Math.max(lower, range.lower)
  return shared >= FEWEST_GREYS * (upper - lower)
}

/**
 * The window after a drag of (dx, dy) pixels: right widens it, down brightens the image. It may lie
 * between the integers.
 */
export function dragged(
  { centre, width }: Window,
  dx: number,
  dy: number,
  reach: Range,
  integers: boolean,
): Window {
  const step = (reach.upper - reach.lower) / 512
  const narrowest = integers ? 1 : (reach.upper - reach.lower) / 1e4
  return { centre: centre - dy * step, width: Math.max(narrowest, width + dx * step) }
}

/** The nearest window of whole numbers. */
export function rounded({ centre, width }: Window): Window {
  return { centre: Math.round(centre), width: Math.round(width) }
}

/** Window numbers as text; a curve is no line. */
export function windowText({ centre, width, function: name }: Window): string {
  const text = (value: number): string => String(Number(value.toPrecision(4)))
  return `C ${text(centre)}  W ${text(width)}${name === 'SIGMOID' ? '  sigmoid' : ''}`
}

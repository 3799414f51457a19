/** Numbers, times and states as a reader wants them. */

import type { Job, Measured, Scan } from './wire'

export function bytesWord(count: number): string {
  if (count < 1000) return `${count} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = -1
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`
}

export function durationWord(seconds: number): string {
  if (seconds < 1) return 'less than 1 s'
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** "in 12 s"; an estimate that has passed says nothing false. */
export function etaWord(eta: string | null, now: number = Date.now()): string {
  if (eta === null) return ''
  const left = (Date.parse(eta) - now) / 1000
  return left < 1 ? 'done any moment' : `about ${durationWord(left)} left`
}

export function timeWord(iso: string): string {
  const time = new Date(iso)
  const today = time.toDateString() === new Date().toDateString()
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return today ? clock : `${time.toLocaleDateString()} ${clock}`
}

/** Voxels of a scan above which the page shows a still picture: a browser would need gigabytes. */
export const MOST_VOXELS = 2 ** 28

export const TOO_LARGE =
  'This scan is too large to be drawn in a browser, so this is a still picture of the mask. Download the mask, and look at both in a viewer for large images.'

export const NO_WEBGL =
  'This browser cannot draw volumes (it offers no WebGL 2), so this is a still picture of the mask. Switch on hardware acceleration, or use another browser, to look through the scan.'

/** Of one component. */
export function voxels(scan: Scan): number {
  return scan.shape.slice(1).reduce((product, n) => product * n, 1)
}

export function shapeWord(scan: Scan): string {
  const [components = 1, ...grid] = scan.shape
  if (scan.dimension === 2) {
    const [rows, columns] = grid
    return `${columns} × ${rows} px${components === 3 ? ', RGB' : ''}`
  }
  return `${grid.join(' × ')} voxels`
}

export function spacingWord(scan: Scan): string {
  if (scan.spacing_mm === null) return ''
  const numbers = scan.spacing_mm.map((mm) => String(Number(mm.toPrecision(3))))
  return `${numbers.join(' × ')} mm`
}

export function stateWord(job: Job): string {
  switch (job.state) {
    case 'queued':
      return job.place_in_queue === null ? 'waiting' : `number ${job.place_in_queue} in queue`
    case 'running':
      return 'segmenting'
    case 'succeeded':
      return job.verdict ?? 'to review'
    case 'failed':
      return 'failed'
    case 'cancelled':
      return 'cancelled'
  }
}

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export function countWord(count: number, one: string, many: string = `${one}s`): string {
  return `${number.format(count)} ${count === 1 ? one : many}`
}

/** The size of a label or object in the unit that the report gives. */
export function sizeWord(measured: Measured): string {
  if (typeof measured.volume_ml === 'number') {
    const ml = measured.volume_ml
    return `${ml.toFixed(ml < 10 ? 2 : 1)} ml`
  }
  if (typeof measured.area_mm2 === 'number') return `${measured.area_mm2.toFixed(1)} mm²`
  return countWord(measured.area_px ?? measured.voxels ?? 0, 'pixel')
}

/** Numbers, times and states as text. */

import type { Job, Measurement, Model, Scan, UnusualSize, UploadedLabels } from './schemas'

/** "K7QWJX2M · CT series 3": the patient's pseudonym, where the scan has one, and the scan's name. */
export function scanText({ subject, scan_name }: Pick<Job, 'subject' | 'scan_name'>): string {
  return subject === null ? scan_name : `${subject} · ${scan_name}`
}

/** The model's title; of a mask that was uploaded with its scan, its file and who sent it. */
export function modelText(job: Made, title?: string): string {
  if (!job.uploaded) return title ?? job.model
  const name = job.uploaded_name === null ? 'Uploaded mask' : `Mask ${job.uploaded_name}`
  return job.uploaded_by === null ? name : `${name}, uploaded by ${job.uploaded_by}`
}

type Made = Pick<Job, 'model' | 'uploaded' | 'uploaded_name' | 'uploaded_by'>

/** The title of a model in a list, with the version where it is a later one of another model. */
export function titleText(model: Pick<Model, 'name' | 'title' | 'version'>): string {
  const title = model.title || model.name
  return model.name.includes('@') ? `${title}, version ${model.version}` : title
}

/** What a fine-tuned model was made of, and how it compares with that; empty for other models. */
export function tuningText(model: Pick<Model, 'card'>): string {
  const { parent, figures } = (model.card ?? {}) as Origin
  if (parent === undefined || parent === null) return ''
  const name = parent.figures.ap === undefined ? 'dice' : 'ap'
  const [before, after] = [parent.figures[name], figures?.[name]].map((value) => value?.toFixed(3))
  const measure = name === 'ap' ? 'average precision' : 'Dice'
  return (
    `Fine-tuned from version ${parent.version} on ${countText(parent.training_cases, 'mask')} that readers ` +
    `judged; ${measure} ${before} before, ${after} after, on ${countText(parent.held_out_cases, 'other')}.`
  )
}

/** Fields of a card. */
interface Origin {
  parent?: {
    version: string
    training_cases: number
    held_out_cases: number
    figures: Record<string, number>
  } | null
  figures?: Record<string, number>
}

export function bytesText(count: number): string {
  if (count < 1000) return `${count} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = -1
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`
}

const ALGORITHMS: Record<string, string> = {
  MANUAL: 'manually',
  SEMIAUTOMATIC: 'semi-automatically',
  AUTOMATIC: 'automatically',
}

/** Where a mask that was uploaded with its scan comes from. */
export function originText({ format, algorithms }: UploadedLabels): string {
  const kind = format.startsWith('dicom') ? 'a DICOM Segmentation' : 'a label map'
  const ways = algorithms.map((one) => ALGORITHMS[one] ?? one)
  const made = ways.length === 0 ? '' : ` Its file says that it was made ${ways.join(' and ')}.`
  return `The mask was uploaded with the scan, as ${kind}.${made}`
}

export function durationText(seconds: number): string {
  if (seconds < 1) return 'less than 1 s'
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** "about 12 s left", or "done in about 40 s" in the queue; one that has passed has no number. */
export function etaText(job: Pick<Job, 'eta' | 'state'>, now: number = Date.now()): string {
  if (job.eta === null) return ''
  const left = (Date.parse(job.eta) - now) / 1000
  const text = `about ${durationText(left)}`
  if (left >= 1) return job.state === 'running' ? `${text} left` : `done in ${text}`
  return job.state === 'running' ? 'almost done' : ''
}

export function timeText(iso: string): string {
  const time = new Date(iso)
  const today = time.toDateString() === new Date().toDateString()
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return today ? clock : `${time.toLocaleDateString()} ${clock}`
}

/** The time of today, else the day: for lists, where there is little room. */
export function shortTimeText(iso: string, now: Date = new Date()): string {
  const time = new Date(iso)
  if (time.toDateString() === now.toDateString()) return timeText(iso)
  if (time.getFullYear() !== now.getFullYear()) return time.toLocaleDateString()
  return time.toLocaleDateString([], { day: 'numeric', month: 'short' })
}

/** Largest scan, in voxels, that the page draws itself; larger ones would need gigabytes. */
export const MAX_VOXELS = 2 ** 28

export const TOO_LARGE =
  'This scan is too large to be drawn in a browser. The image below is a preview of the mask. To see the mask in full resolution, download the mask and open it together with the scan in a viewer for large images.'

export const NO_WEBGL =
  'This browser cannot draw scans, because it has no WebGL 2. The image below is a preview of the mask. To see the whole scan, turn on hardware acceleration in the browser or use another browser.'

/** Number of voxels, or of pixels; an RGB pixel counts once. */
export function voxels(scan: Scan): number {
  return scan.shape.slice(1).reduce((product, n) => product * n, 1)
}

/** `grey`: whether all pixels are known to be grey, also if they are stored in colours. */
export function shapeText(scan: Scan, grey = false): string {
  const [components = 1, ...grid] = scan.shape
  if (scan.dimension === 2) {
    const [rows, columns] = grid
    return `${columns} × ${rows} px${components < 3 ? '' : grey ? ', grey' : ', RGB'}`
  }
  return `${grid.join(' × ')} voxels`
}

export function spacingText(scan: Scan): string {
  if (scan.spacing_mm === null) return ''
  const numbers = scan.spacing_mm.map((mm) => String(Number(mm.toPrecision(3))))
  return `${numbers.join(' × ')} mm`
}

export function stateText(job: Job): string {
  if (job.waiting_for !== null) return `waiting for ${job.waiting_for}, which is unavailable`
  switch (job.state) {
    case 'queued':
      if (job.no_worker) return 'waiting for a worker'
      return job.place_in_queue === null ? 'waiting' : placeText(job.place_in_queue)
    case 'running':
      return job.progress.preparing ? 'preparing the network' : 'segmenting'
    case 'succeeded':
      return job.verdict ?? readingText(job) ?? 'to review'
    case 'failed':
      return 'failed'
    case 'cancelled':
      return 'cancelled'
  }
}

function placeText(place: number): string {
  return `number ${place} in the queue`
}

/** The state where there is little room: "waiting (17), about 40 s", "about 12 s left". */
export function shortStateText(job: Job, now: number = Date.now()): string {
  const eta = etaText(job, now)
  const state = stateText(job)
  if (job.state === 'running' && !job.progress.preparing) return eta === '' ? state : eta
  if (job.state !== 'queued') return state
  const place = job.place_in_queue
  const waits = place !== null && state === placeText(place) ? `waiting (${place})` : state
  return [waits, eta.replace('done in ', '')].filter((part) => part !== '').join(', ')
}

/** What a job waits for in the worklist; null if its verdict or state says all. */
export function readingText(job: Pick<Job, 'second_reading' | 'verdict'>): string | null {
  const reading = job.second_reading
  if (reading === null || job.verdict !== null) return null
  if (reading.state === 'adjudicate') return 'to be adjudicated'
  return `${reading.given} of ${reading.readers} readings`
}

/** "volume of liver 3.4 times the usual 1,480 ml" */
export function unusualText({ name, size, unit, usual, ratio }: UnusualSize): string {
  if (unit === SHARE) {
    return `network is not sure of ${percent(size)} of ${name}, usually ${percent(usual)}`
  }
  const sized = UNITS[unit] ?? unit
  const kind = unit === 'ml' || unit === 'voxels' ? 'volume' : 'area'
  const common = `${significant.format(usual)} ${sized}`
  if (size === 0) return `${name} is missing, usually ${common}`
  return `${kind} of ${name} ${ratioText(ratio)} times the usual ${common}`
}

/** "liver 3.4×", where there is little room. */
export function shortUnusualText({ name, size, unit, ratio }: UnusualSize): string {
  if (unit === SHARE) return `${name} unsure`
  return size === 0 ? `no ${name}` : `${name} ${ratioText(ratio)}×`
}

/** Unit of the share of a label that the network is not sure of. */
const SHARE = 'share'

function percent(share: number): string {
  return `${significant.format(Number((100 * share).toPrecision(2)))} %`
}

const UNITS: Record<string, string> = { mm2: 'mm²', px: 'pixels' }
const significant = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

function ratioText(ratio: number): string {
  return significant.format(Number(ratio.toPrecision(2)))
}

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export function countText(count: number, one: string, many: string = `${one}s`): string {
  return `${number.format(count)} ${count === 1 ? one : many}`
}

/** The size of a label or object, in the best unit that the report has. */
export function sizeText(measurement: Measurement): string {
  if (typeof measurement.volume_ml === 'number') {
    const ml = measurement.volume_ml
    if (ml < 0.1) return `${(1000 * ml).toFixed(1)} mm³` // never 0.00 ml for a label that exists
    return `${ml.toFixed(ml < 10 ? 2 : 1)} ml`
  }
  if (typeof measurement.area_mm2 === 'number') return `${measurement.area_mm2.toFixed(1)} mm²`
  return countText(measurement.area_px ?? measurement.voxels ?? 0, 'pixel')
}

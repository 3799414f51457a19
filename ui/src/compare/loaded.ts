/** What a comparison shows, as the service has it. */

import * as api from '../api'
import { reader } from '../reader'
import type { Compared, MaskRef } from '../route'
import type { Comparison, Job, Model, Scan } from '../schemas'
import { modelOfReport } from '../viewer/legend'
import { firstChoice, type MaskChoice, masksOf } from './choices'

/** A mask with its job and the labels of its model. */
export interface LoadedMask {
  ref: MaskRef
  job: Job
  model: Model
}

export interface Loaded {
  scans: [Scan, Scan]
  masks: [LoadedMask, LoadedMask | null]
  choices: [MaskChoice[], MaskChoice[]]
  comparison: Comparison | null
  /** Why there is no comparison; empty if there is one, or no second mask. */
  reason: string
}

/** Fetches it; without a choice, the second mask is the one that is most likely wanted. */
export async function load(wanted: Compared, models: Model[]): Promise<Loaded> {
  const first = await maskOf(wanted.first, models)
  const stated = wanted.second === null ? null : await maskOf(wanted.second, models)
  const scan = await api.scan(scanOf(first.job))
  const other = stated === null ? (wanted.scan ?? scan.id) : scanOf(stated.job)
  const same = other === scan.id
  const second = same ? scan : await api.scan(other)
  const own = [first.job, ...(stated === null ? [] : [stated.job])]
  const ofScan = (id: string): Job[] => distinct(own.filter((job) => scanOf(job) === id))
  const mine = await masksOf(scan.id, models, ofScan(scan.id))
  const choices = same ? mine : await masksOf(second.id, models, ofScan(second.id))
  const chosen = stated ?? (await suggested(wanted, choices, same, models))
  const found = await comparisonOf(wanted.first, chosen, scan, second)
  return { scans: [scan, second], masks: [first, chosen], choices: [mine, choices], ...found }
}

/** None on a scan that was chosen without a mask. */
async function suggested(
  { first, scan }: Compared,
  choices: MaskChoice[],
  same: boolean,
  models: Model[],
): Promise<LoadedMask | null> {
  const ref = same && scan === null ? firstChoice(choices, first) : null
  return ref === null ? null : maskOf(ref, models)
}

async function maskOf(ref: MaskRef, models: Model[]): Promise<LoadedMask> {
  const [job, report] = await Promise.all([api.job(ref.job), api.report(ref.job)])
  const known = job.uploaded ? undefined : models.find((model) => model.name === job.model)
  return { ref, job, model: known ?? modelOfReport(job, report) }
}

async function comparisonOf(
  first: MaskRef,
  second: LoadedMask | null,
  scan: Scan,
  other: Scan,
): Promise<Pick<Loaded, 'comparison' | 'reason'>> {
  const none = { comparison: null, reason: '' }
  if (second === null) return none
  if (String(scan.shape.slice(1)) !== String(other.shape.slice(1))) {
    return { ...none, reason: 'The masks are on different grids: there is no Dice of them.' }
  }
  try {
    return { comparison: await api.compare(first, second.ref, reader.name), reason: '' }
  } catch (error) {
    const { status, detail } = api.problemOf(error)
    if (status !== 422) throw error
    return { ...none, reason: detail }
  }
}

/** Its grid is that of the job's masks. */
export function scanOf(job: Job): string {
  return Object.values(job.scans)[0]!
}

function distinct(jobs: Job[]): Job[] {
  return jobs.filter((job, n) => jobs.findIndex(({ id }) => id === job.id) === n)
}

/** What a mask can be compared with: masks of a scan, and scans of the same subject. */

import * as api from '../api'
import { reader } from '../reader'
import type { MaskRef } from '../route'
import type { Job, Model, RelatedScan, Review } from '../schemas'
import { modelText, timeText } from '../text'

const MOST_JOBS = '50' // newest first

/** A mask that can be chosen. */
export interface MaskChoice {
  ref: MaskRef
  job: Job
  text: string
}

/** The masks on the grid of a scan that this reader may see: those of jobs and of reviews. */
export async function masksOf(scan: string, models: Model[], own: Job[]): Promise<MaskChoice[]> {
  const query = new URLSearchParams({ scan, state: 'succeeded', limit: MOST_JOBS })
  const { jobs } = await api.jobs(query, new AbortController().signal)
  const missing = own.filter(({ id }) => !jobs.some((job) => job.id === id))
  const choices = [...missing, ...jobs].map(async (job) => {
    const title = models.find((model) => model.name === job.model)?.title
    const judged = job.review !== null || job.second_reading !== null
    const reviews = judged ? await api.reviews(job.id, reader.name) : []
    const corrected = reviews.filter((one) => one.mask_format !== null && one.withdrawn_at === null)
    return [
      { ref: { job: job.id, review: null }, job, text: jobText(job, title) },
      ...corrected.map((review) => ({
        ref: { job: job.id, review: review.id },
        job,
        text: `${correctedText(review)} (${modelText(job, title)})`,
      })),
    ]
  })
  return (await Promise.all(choices)).flat()
}

function jobText(job: Job, title: string | undefined): string {
  const version = job.uploaded ? '' : ` ${job.model_version}`
  return `${modelText(job, title)}${version}, ${timeText(job.finished_at ?? job.created_at)}`
}

function correctedText({ reviewer, created_at }: Review): string {
  return `Corrected${reviewer === '' ? '' : ` by ${reviewer}`}, ${timeText(created_at)}`
}

export function isSame(one: MaskRef | null, other: MaskRef | null): boolean {
  return one?.job === other?.job && one?.review === other?.review
}

/** As the value of an option; empty for none. */
export function optionOf(ref: MaskRef | null): string {
  return ref === null ? '' : [ref.job, ref.review ?? ''].join(' ')
}

/** What to compare a mask with first: another version of the job's mask, else the newest other. */
export function firstChoice(choices: MaskChoice[], mask: MaskRef): MaskRef | null {
  const others = choices.filter(({ ref }) => !isSame(ref, mask))
  const version = others.find(({ ref }) => ref.job === mask.job)
  return (version ?? others[0])?.ref ?? null
}

export const RELATIONS: [RelatedScan['relation'], string][] = [
  ['frame', 'Same frame of reference'],
  ['study', 'Same study'],
  ['subject', 'Same patient'],
  ['job', 'Inputs of the same job'],
  ['none', 'Other scans'],
]

import { describe, expect, it } from 'vitest'
import type { Job, Scan } from './schemas'
import * as text from './text'

const job = (changes: Partial<Job>): Job =>
  ({
    state: 'queued',
    waiting_for: null,
    no_worker: false,
    place_in_queue: null,
    second_reading: null,
    ...changes,
  }) as Job

describe('text', () => {
  it.each([
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9_960, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [2.5e12, '2.5 TB'],
  ])('%d bytes are %s', (bytes, expected) => expect(text.bytesText(bytes)).toBe(expected))

  it.each([
    [0.4, 'less than 1 s'],
    [89, '89 s'],
    [91, '2 min'],
    [5400, '1.5 h'],
  ])('%d seconds are %s', (seconds, expected) => expect(text.durationText(seconds)).toBe(expected))

  it('never promises a time that has passed', () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    const eta = (s: number): string => new Date(now + 1000 * s).toISOString()
    expect(text.etaText({ state: 'running', eta: eta(40) }, now)).toBe('about 40 s left')
    expect(text.etaText({ state: 'running', eta: eta(-40) }, now)).toBe('almost done')
    expect(text.etaText({ state: 'queued', eta: eta(-40) }, now)).toBe('')
    expect(text.etaText({ state: 'queued', eta: null }, now)).toBe('')
  })

  it('says what a job waits for before anything else', () => {
    expect(text.stateText(job({ waiting_for: 'the database', no_worker: true }))).toContain(
      'database',
    )
    expect(text.stateText(job({ no_worker: true, place_in_queue: 3 }))).toBe('waiting for a worker')
    expect(text.stateText(job({ place_in_queue: 3 }))).toBe('number 3 in the queue')
    expect(text.stateText(job({ state: 'succeeded', verdict: null }))).toBe('to review')
  })

  it('is short in a row of the worklist', () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    const eta = new Date(now + 40_000).toISOString()
    const progress = { preparing: false } as Job['progress']
    const running = job({ state: 'running', progress, eta })
    const short = (one: Job): string => text.shortStateText(one, now)
    expect(short(job({ place_in_queue: 17, eta }))).toBe('waiting (17), about 40 s')
    expect(short(job({ place_in_queue: 17 }))).toBe('waiting (17)')
    expect(short(job({ place_in_queue: 17, no_worker: true }))).toBe('waiting for a worker')
    expect(short(running)).toBe('about 40 s left')
    expect(short({ ...running, eta: null })).toBe('segmenting')
    expect(short({ ...running, progress: { ...progress, preparing: true } })).toBe(
      'preparing the network',
    )
    expect(short(job({ state: 'succeeded', verdict: null }))).toBe('to review')
  })

  it('names rows and columns of an image in the usual order', () => {
    const image = { dimension: 2, shape: [3, 480, 640] } as Scan
    expect(text.shapeText(image)).toBe('640 × 480 px, RGB')
    expect(text.shapeText(image, true)).toBe('640 × 480 px, grey')
    expect(text.shapeText({ ...image, shape: [1, 480, 640] }, true)).toBe('640 × 480 px')
    expect(text.voxels(image)).toBe(480 * 640)
  })

  it('gives a day in lists, and the time of today', () => {
    const now = new Date(2026, 5, 17, 12)
    const short = (...at: [number, number, number, number]): string =>
      text.shortTimeText(new Date(...at).toISOString(), now)
    expect(short(2026, 4, 2, 9)).toMatch(/2/)
    expect(short(2026, 4, 2, 9)).not.toMatch(/9|2026/)
    expect(short(2025, 4, 2, 9)).toMatch(/2025/)
    expect(short(2026, 5, 17, 9)).toMatch(/9/)
  })

  it('says where an uploaded mask comes from, as far as its file does', () => {
    const seg = { format: 'dicom', labels: [] }
    expect(text.originText({ ...seg, algorithms: ['MANUAL', 'AUTOMATIC'] })).toBe(
      'The mask was uploaded with the scan, as a DICOM Segmentation. Its file says that it was made manually and automatically.',
    )
    expect(text.originText({ format: 'nifti', algorithms: [], labels: [] })).toBe(
      'The mask was uploaded with the scan, as a label map.',
    )
  })

  it('tells the uploaded masks of a scan apart', () => {
    const mask = { uploaded: true, model: 'uploaded-mask', uploaded_name: null, uploaded_by: null }
    expect(text.modelText(job(mask))).toBe('Uploaded mask')
    const named = { ...mask, uploaded_name: 't1_seg.nii.gz' }
    expect(text.modelText(job(named))).toBe('Mask t1_seg.nii.gz')
    expect(text.modelText(job({ ...named, uploaded_by: 'R1' }))).toBe(
      'Mask t1_seg.nii.gz, uploaded by R1',
    )
  })
})

describe('versions of a model', () => {
  const parent = { version: '1', training_cases: 8, held_out_cases: 2, figures: { dice: 0.63 } }
  const tuned = { name: 'brain@2', title: 'Brain', version: '2' }

  it('are told apart by their titles', () => {
    expect(text.titleText(tuned)).toBe('Brain, version 2')
    expect(text.titleText({ ...tuned, title: '' })).toBe('brain@2, version 2')
    expect(text.titleText({ name: 'brain', title: 'Brain', version: '1' })).toBe('Brain')
  })

  it('say what they were made of, and whether they are better', () => {
    const card = { parent, figures: { dice: 0.8512, dice_1: 0.9 } }
    expect(text.tuningText({ card })).toBe(
      'Fine-tuned from version 1 on 8 masks that readers judged; Dice 0.630 before, 0.851 after, on 2 others.',
    )
    expect(text.tuningText({ card: { parent: null } })).toBe('')
  })
})

describe('unusual sizes', () => {
  const liver = {
    label: 1,
    name: 'liver',
    size: 5032,
    unit: 'ml',
    usual: 1480.3,
    ratio: 3.4,
    masks: 9,
  }

  it.each([
    [liver, 'volume of liver 3.4 times the usual 1,480 ml', 'liver 3.4×'],
    [{ ...liver, ratio: 0.0312 }, 'volume of liver 0.031 times the usual 1,480 ml', 'liver 0.031×'],
    [{ ...liver, ratio: 1234 }, 'volume of liver 1,200 times the usual 1,480 ml', 'liver 1,200×'],
    [{ ...liver, size: 0, ratio: 0 }, 'liver is missing, usually 1,480 ml', 'no liver'],
    [{ ...liver, unit: 'mm2' }, 'area of liver 3.4 times the usual 1,480 mm²', 'liver 3.4×'],
    [{ ...liver, unit: 'px' }, 'area of liver 3.4 times the usual 1,480 pixels', 'liver 3.4×'],
    [
      { ...liver, unit: 'share', size: 0.1234, usual: 0.0361, ratio: 3.42 },
      'network is not sure of 12 % of liver, usually 3.6 %',
      'liver unsure',
    ],
  ])('of %j are stated', (size, long, short) => {
    expect(text.unusualText(size)).toBe(long)
    expect(text.shortUnusualText(size)).toBe(short)
  })
})

import { describe, expect, it } from 'vitest'
import type { Model, Training, TrainingResult } from './schemas'
import {
  attemptText,
  byName,
  progressText,
  resultRows,
  settled,
  toBePublished,
  trainingStateText,
} from './trainings'

const RESULT: TrainingResult = {
  model: 'blob@2',
  version: '2',
  sha256: '0',
  training_cases: 8,
  held_out_cases: 2,
  before: { dice: 0.8, dice_1: 0.9 },
  after: { dice: 0.84, dice_1: 0.8996 },
  is_worse: false,
}

const PROGRESS: Training['progress'] = {
  phase: null,
  step: 0,
  total: 0,
  loss: null,
  seconds_left: null,
  continued_from: null,
}

function training(changes: Partial<Training> = {}): Training {
  return {
    id: 't',
    state: 'running',
    model: 'blob',
    model_version: '1',
    new_version: '2',
    steps: null,
    requested_by: '',
    attempt: 1,
    progress: PROGRESS,
    waiting_for: null,
    no_worker: false,
    created_at: '2026-01-01T00:00:00Z',
    started_at: null,
    finished_at: null,
    error: null,
    result: null,
    published_at: null,
    publish_error: null,
    ...changes,
  }
}

describe('the progress of a training', () => {
  it.each([
    [{ state: 'queued' as const }, 'Waiting for a worker.'],
    [{ waiting_for: 'the object store' }, 'Waiting for the object store, which is unavailable.'],
    [{}, 'Starting'],
    [{ progress: { ...PROGRESS, phase: 'collecting' as const } }, 'Collecting masks'],
    [
      { progress: { ...PROGRESS, phase: 'evaluating' as const, step: 1, total: 4 } },
      'Measuring on held-out cases 1 of 4',
    ],
    [
      {
        progress: {
          ...PROGRESS,
          phase: 'training' as const,
          step: 120,
          total: 300,
          loss: 0.2134,
          seconds_left: 540,
        },
      },
      'Training, step 120 of 300, loss 0.213, about 9 min left',
    ],
  ])('%j is shown as %s', (changes, text) => {
    expect(progressText(training(changes))).toBe(text)
  })

  it('says where a later attempt began', () => {
    const at = (attempt: number, continued_from: number | null): string =>
      attemptText(training({ attempt, progress: { ...PROGRESS, continued_from } }))
    expect(at(1, 0)).toBe('')
    expect(at(1, null)).toBe('')
    expect(at(1, 40)).toBe('Continued from the checkpoint of step 40.')
    expect(at(2, 40)).toBe('Continued from the checkpoint of step 40.')
    expect(at(2, null)).toBe('Attempt 2.')
    expect(at(2, 0)).toContain('no checkpoint')
  })
})

describe('the end of a training', () => {
  const done = { state: 'succeeded' as const, result: RESULT }
  const worse = { ...done, result: { ...RESULT, is_worse: true } }
  const problem = { title: 'x', status: 503, detail: 'x' }

  it('waits until a better model is published', () => {
    expect(settled(training({ state: 'queued' }))).toBe(false)
    expect(settled(training())).toBe(false)
    expect(settled(training({ state: 'failed' }))).toBe(true)
    expect(settled(training(done))).toBe(false)
    expect(settled(training({ ...done, published_at: 'now' }))).toBe(true)
    expect(settled(training({ ...done, publish_error: problem }))).toBe(true)
    expect(settled(training(worse))).toBe(true)
    expect(toBePublished(training(worse))).toBe(false)
  })

  it('says whether jobs can choose the model', () => {
    expect(trainingStateText(training(done))).toBe('being published')
    expect(trainingStateText(training(worse))).toBe('not offered')
    expect(trainingStateText(training({ ...worse, published_at: 'now' }))).toBe(
      'offered for new jobs',
    )
    expect(trainingStateText(training({ state: 'queued', no_worker: true }))).toContain('train')
  })

  it('compares both models label by label', () => {
    const labels = [
      { value: 1, name: 'ball', color: '#fff' },
      { value: 2, name: 'not measured', color: '#fff' },
    ]
    expect(resultRows(RESULT, labels)).toEqual([
      { name: 'mean', before: '0.800', after: '0.840', change: '+0.040' },
      { name: 'ball', before: '0.900', after: '0.900', change: '±0.000' },
    ])
    const lost = { ...RESULT, before: {}, after: { dice: 0.5 } }
    expect(resultRows(lost, labels)).toEqual([
      { name: 'mean', before: 'unknown', after: '0.500', change: '' },
    ])
  })
})

it('groups the versions of a model', () => {
  const models = ['a', 'b', 'b@2', 'b@3'].map((name) => ({ name }) as Model)
  const groups = [...byName(models)].map(([name, versions]) => [name, versions.length])
  expect(groups).toEqual([
    ['a', 1],
    ['b', 3],
  ])
})

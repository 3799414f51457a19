/** Trainings as text. */

import type { Label, Model, Training, TrainingPreview, TrainingResult } from './schemas'
import { countText, durationText } from './text'

/** Whether the training has ended, and its model is published or waits for somebody's decision. */
export function settled(training: Training): boolean {
  if (training.state === 'queued' || training.state === 'running') return false
  return training.result === null || training.published_at !== null || !toBePublished(training)
}

/** Whether a gateway will publish the new model by itself. */
export function toBePublished(training: Training): boolean {
  const { result, published_at, publish_error } = training
  return result !== null && !result.is_worse && published_at === null && publish_error === null
}

export function trainingStateText(training: Training): string {
  switch (training.state) {
    case 'queued':
      return training.no_worker ? 'waiting for a worker that can train' : 'waiting'
    case 'running':
      return 'running'
    case 'succeeded':
      if (training.published_at !== null) return 'offered for new jobs'
      return toBePublished(training) ? 'being published' : 'not offered'
    case 'failed':
      return 'failed'
    case 'cancelled':
      return 'cancelled'
  }
}

/** What a training does, how far it is, and how long that takes. */
export function progressText(training: Training): string {
  if (training.waiting_for !== null)
    return `Waiting for ${training.waiting_for}, which is unavailable.`
  if (training.state === 'queued') return 'Waiting for a worker.'
  const { phase, step, total, loss, seconds_left } = training.progress
  const done = total > 0 ? ` ${step} of ${total}` : ''
  const facts: string[] = []
  if (loss !== null) facts.push(`loss ${loss.toPrecision(3)}`)
  if (seconds_left !== null) facts.push(`about ${durationText(seconds_left)} left`)
  return [`${phase === null ? 'Starting' : PHASES[phase]}${done}`, ...facts].join(', ')
}

const PHASES: Record<NonNullable<Training['progress']['phase']>, string> = {
  collecting: 'Collecting masks',
  reading: 'Reading cases',
  training: 'Training, step',
  evaluating: 'Measuring on held-out cases',
  exporting: 'Exporting the network',
  verifying: 'Verifying the new model',
  storing: 'Storing the new model',
}

/** Where an attempt began that is not the first one; empty for a first one. */
export function attemptText({ attempt, progress }: Training): string {
  const from = progress.continued_from
  if (from !== null && from > 0) return `Continued from the checkpoint of step ${from}.`
  if (attempt < 2) return ''
  const number = `Attempt ${attempt}`
  if (from === null) return `${number}.`
  return `${number}, from the beginning: its machine has no checkpoint of the one before.`
}

export interface ResultRow {
  name: string
  before: string
  after: string
  /** "+0.040" or "−0.012"; empty if one of them is not known. */
  change: string
}

/** The Dice of both models: the mean, then each label. */
export function resultRows(result: TrainingResult, labels: Label[]): ResultRow[] {
  const row = (name: string, key: string): ResultRow => {
    const before = result.before[key]
    const after = result.after[key]
    const known = before !== undefined && after !== undefined
    return {
      name,
      before: before?.toFixed(3) ?? 'unknown',
      after: after?.toFixed(3) ?? 'unknown',
      change: known ? changeText(after - before) : '',
    }
  }
  const each = labels.filter((label) => `dice_${label.value}` in result.after)
  return [row('mean', 'dice'), ...each.map((label) => row(label.name, `dice_${label.value}`))]
}

function changeText(change: number): string {
  const rounded = Math.abs(change).toFixed(3)
  if (Number(rounded) === 0) return '±0.000'
  return `${change < 0 ? '−' : '+'}${rounded}`
}

/** "17 judged masks, 5 of them corrected" */
export function masksText({ accepted, corrected }: TrainingPreview): string {
  return `${countText(accepted + corrected, 'judged mask')}, ${corrected} of them corrected`
}

/** What a training would learn from, in sentences. */
export function previewTexts(preview: TrainingPreview): string[] {
  const cases = (count: number, subjects: number): string =>
    `${countText(count, 'mask')} of ${countText(subjects, 'subject')}`
  return [
    `${masksText(preview)}, can be used.`,
    `The model learns from ${cases(preview.training_cases, preview.training_subjects)}. Both models are measured on ${cases(preview.held_out_cases, preview.held_out_subjects)} that it does not see.`,
    ...Object.entries(preview.left_out).map(
      ([reason, count]) => `Left out: ${countText(count, 'mask')}, ${reason}.`,
    ),
  ]
}

/** Models by their name without a version: the model itself first, then its later versions. */
export function byName(models: Model[]): Map<string, Model[]> {
  const groups = new Map<string, Model[]>()
  for (const model of models) {
    const name = model.name.split('@')[0]!
    groups.set(name, [...(groups.get(name) ?? []), model])
  }
  return groups
}

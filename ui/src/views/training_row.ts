/** One training: what it does, what it has learnt, and what can be done with it. */

import * as api from '../api'
import { element, fill } from '../element'
import type { Label, Training } from '../schemas'
import { countText, timeText } from '../text'
import * as calls from '../training_api'
import {
  attemptText,
  progressText,
  type ResultRow,
  resultRows,
  settled,
  toBePublished,
  trainingStateText,
} from '../trainings'
import { confirmed } from './confirm'
import { problemBox } from './messages'

export class TrainingRow {
  readonly root = element('li.training')
  private readonly pill = element('span.pill', { role: 'status' })
  private readonly facts = element('p.facts')
  private readonly bar = element('progress', { max: 1 })
  private readonly progress = element('p.fact')
  private readonly result = element('div.result')
  private readonly buttons = element('div.buttons')
  private readonly problem = element('div', { 'aria-live': 'polite' })
  private seen = ''
  private stop: (() => void) | null = null

  /** `onPublished` is called when jobs can choose the new model. */
  constructor(
    public training: Training,
    private readonly labels: () => Label[],
    private readonly onPublished: () => void,
  ) {
    const name = `Training of version ${training.new_version}`
    this.bar.setAttribute('aria-label', `Progress of the training of ${training.model}`)
    fill(
      this.root,
      element('div.head', {}, element('h3', {}, name), this.pill),
      this.facts,
      this.bar,
      this.progress,
      this.result,
      this.problem,
      this.buttons,
    )
    this.update(training)
  }

  /** Follows the training until it is settled, or `leave` is called. */
  follow(): void {
    if (this.stop !== null || settled(this.training)) return
    this.stop = calls.follow(this.training.id, (training) => this.update(training))
  }

  leave(): void {
    this.stop?.()
    this.stop = null
  }

  update(training: Training): void {
    const published = training.published_at !== null && this.training.published_at === null
    this.training = training
    if (settled(training)) this.leave()
    const open = training.state === 'queued' || training.state === 'running'
    const { step, total } = training.progress
    this.bar.hidden = !open
    if (training.state === 'running' && total > 0) this.bar.value = step / total
    else this.bar.removeAttribute('value')
    this.progress.hidden = !open
    const attempt = attemptText(training)
    this.progress.textContent = [progressText(training), attempt].filter(Boolean).join(' · ')
    this.renderState(training)
    if (published) this.onPublished()
  }

  /** What changes seldom: rendered anew only then, so that a button keeps the focus. */
  private renderState(training: Training): void {
    const { state, result, error, published_at, publish_error, no_worker } = training
    const seen = JSON.stringify([state, result, error, published_at, publish_error, no_worker])
    if (seen === this.seen) return
    this.seen = seen
    this.pill.textContent = trainingStateText(training)
    this.pill.dataset.state = state
    this.pill.dataset.verdict = published_at === null ? '' : 'accepted'
    this.facts.textContent = factsText(training)
    fill(this.result, ...(result === null ? [] : this.resultOf(training)))
    const problem = error ?? publish_error
    fill(this.problem, problem !== null && state !== 'running' && problemBox(problem))
    fill(this.buttons, ...this.buttonsOf(training))
  }

  private resultOf(training: Training): HTMLElement[] {
    const result = training.result!
    const measured = countText(result.held_out_cases, 'held-out mask')
    return [
      table(resultRows(result, this.labels()), `Dice on ${measured}`),
      element('p.fact', {}, offerText(training)),
    ]
  }

  private buttonsOf(training: Training): HTMLButtonElement[] {
    const button = (label: string, call: () => Promise<Training | null>): HTMLButtonElement =>
      element('button', { type: 'button', onclick: () => void this.act(call) }, label)
    switch (training.state) {
      case 'queued':
      case 'running':
        return [button('Cancel training', () => this.cancel())]
      case 'failed':
      case 'cancelled':
        return [button('Start again', () => calls.retry(training.id))]
      case 'succeeded':
        if (training.published_at !== null || toBePublished(training)) return []
        return [button('Offer for new jobs', () => this.publish())]
    }
  }

  private async cancel(): Promise<Training | null> {
    const { id, model } = this.training
    const yes = await confirmed({
      title: `Cancel the training of ${model}?`,
      text: ['What it has learnt so far is deleted.'],
      no: 'Continue training',
      yes: 'Cancel training',
    })
    return yes ? calls.cancel(id) : null
  }

  private async publish(): Promise<Training | null> {
    const { id, result } = this.training
    const rows = resultRows(result!, this.labels())
    const yes =
      !result!.is_worse ||
      (await confirmed({
        title: 'Offer a model that is worse?',
        text: [
          `On ${countText(result!.held_out_cases, 'held-out mask')}, its mean Dice is ${rows[0]!.after}; that of the model it was trained from is ${rows[0]!.before}.`,
        ],
        no: 'Do not offer it',
        yes: 'Offer for new jobs',
      }))
    return yes ? calls.publish(id) : null
  }

  private async act(call: () => Promise<Training | null>): Promise<void> {
    try {
      const training = await call()
      if (training === null) return
      this.update(training)
      this.follow()
    } catch (error) {
      fill(this.problem, problemBox(api.problemOf(error)))
    }
  }
}

function factsText({ requested_by, created_at, result, model_version }: Training): string {
  const by = requested_by === '' ? '' : ` by ${requested_by}`
  const learnt = result === null ? '' : `learnt from ${countText(result.training_cases, 'mask')}`
  return [`from version ${model_version}`, `started ${timeText(created_at)}${by}`, learnt]
    .filter((fact) => fact !== '')
    .join('  ·  ')
}

function offerText({ result, published_at }: Training): string {
  const { model, is_worse } = result!
  if (published_at !== null)
    return `Jobs can choose it as ${model} since ${timeText(published_at)}.`
  return is_worse
    ? 'It is worse than the model it was trained from, so it is offered only if you decide so.'
    : 'It is at least as good as the model it was trained from.'
}

function table(rows: ResultRow[], caption: string): HTMLElement {
  const cell = (text: string): HTMLElement => element('td', {}, text)
  return element(
    'table.figures',
    {},
    element('caption', {}, caption),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['label', 'before', 'after', 'change'].map((head) =>
          element('th', { scope: 'col' }, head),
        ),
      ),
    ),
    element(
      'tbody',
      {},
      ...rows.map(({ name, before, after, change }) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, name),
          cell(before),
          cell(after),
          cell(change),
        ),
      ),
    ),
  )
}

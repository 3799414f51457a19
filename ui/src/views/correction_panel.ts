/** The panel of a correction: labels, what is protected, the brush, and the state of the draft. */

import type { Correcting } from '../correct/correcting'
import type { DraftState } from '../correct/draft'
import { choiceList } from '../correct/fields'
import { labelSizeText } from '../correct/label_size'
import { element, fill, swatch } from '../element'
import { rovingList } from '../roving'
import type { Problem } from '../schemas'
import { durationText } from '../text'

const STATES: Record<DraftState, string> = {
  saved: 'Draft saved',
  saving: 'Saving the draft …',
  offline: 'Not saved.',
  elsewhere: 'The draft was changed in another window.',
  refused: 'Not saved.',
}

interface Row {
  slot: number
  pick: HTMLButtonElement
  size: HTMLElement
  lock: HTMLButtonElement
}

export class CorrectionPanel {
  readonly root: HTMLElement
  readonly state = element('p.draft-state', { role: 'status', id: 'draft-state' })
  /** Which mask is corrected. */
  readonly base = element('p.base')
  /** Why the draft is not saved: at the end of the panel, so that it moves nothing. */
  private readonly why = element('p.why', { role: 'status' })
  private readonly status = element('p.hint', { 'aria-live': 'polite' })
  /** Problems, and what can be done. */
  readonly result = element('div.result', { 'aria-live': 'polite' })
  private readonly labels = element('div', {})
  private rows: Row[] = []
  private readonly only = choiceList('change-only', (value) =>
    this.correcting.choice.changeOnly(value === '' ? null : Number(value)),
  )
  private readonly size = element('input', {
    type: 'range',
    id: 'brush-size',
    'aria-label': 'Radius of the brush',
    title: 'Radius of the brush ( [ and ], or Shift + wheel )',
    min: 0,
    max: 100,
    oninput: () => this.correcting.brush.setRadius(this.radiusAt(Number(this.size.value))),
  })
  private readonly radius = element('output', { for: 'brush-size' })
  private readonly ball = element(
    'button',
    {
      type: 'button',
      id: 'brush-ball',
      'aria-pressed': 'false',
      title: 'Brush, fill and region in 3D: they change other slices, too (D)',
      onclick: () => this.correcting.brush.setBall(!this.correcting.ball),
    },
    '3D',
  )
  private readonly controls = element('div.tool-controls', {})
  private readonly stop = element(
    'button',
    { type: 'button', id: 'stop-work', onclick: () => this.correcting.work.cancel() },
    'Cancel',
  )
  private readonly workers = element('span')
  /** Screen readers do not read each second. */
  private readonly waited = element('span', { 'aria-hidden': 'true' })
  private readonly working = element(
    'div.tool-working',
    { role: 'status', hidden: true },
    this.workers,
    this.waited,
    this.stop,
  )
  private shownControls: unknown = null
  private tick = 0

  /** `ends`: the buttons that end the correction. */
  constructor(
    private readonly correcting: Correcting,
    { ends, tools }: { ends: HTMLElement[]; tools: HTMLElement },
  ) {
    this.root = element(
      'section.correction',
      { 'aria-label': 'Correction', hidden: true },
      element('div.correction-head', {}, element('h2', {}, 'Correction'), this.state),
      this.base,
      element('div.correction-buttons', {}, ...ends),
      this.result,
      tools,
      this.labels,
      element(
        'div.brush-size',
        {},
        element('label', { for: 'brush-size' }, 'Brush radius'),
        this.size,
        this.radius,
        this.ball,
      ),
      element(
        'div.change-only',
        {},
        element('label', { for: 'change-only' }, 'Paint over'),
        this.only,
      ),
      this.controls,
      this.working,
      this.status,
      this.why,
    )
  }

  /** Builds the parts that depend on the labels of the mask. */
  open(): void {
    this.rows = []
    this.renderLabels()
    fill(this.result)
    this.say('')
    this.render()
  }

  render(): void {
    const { correcting } = this
    this.root.hidden = !correcting.open
    if (!correcting.open) return
    if (String(correcting.choice.choices) !== String(this.rows.map(({ slot }) => slot)))
      this.renderLabels()
    const { locked, only } = correcting.editor.protection
    for (const { slot, pick, lock } of this.rows) {
      pick.setAttribute('aria-pressed', String(slot === correcting.slot))
      lock.setAttribute('aria-pressed', String(locked.has(slot)))
    }
    this.only.value = only === null ? '' : String(only)
    this.renderWork()
    this.renderBrush()
    this.renderControls()
    this.renderSizes()
  }

  /** `problem`: why the last try to save it failed. */
  showState(state: DraftState, problem: Problem | null): void {
    this.state.dataset.state = state
    this.state.textContent = STATES[state]
    this.why.textContent =
      state === 'offline' && problem !== null
        ? `${problem.detail} It is tried again; leave the page open.`
        : ''
  }

  /** `warns`: it may be a slip of the reader. */
  say(text: string, warns = false): void {
    this.status.textContent = text
    this.status.classList.toggle('warning', warns)
  }

  /** Sizes follow while one draws. */
  renderSizes(): void {
    for (const { slot, size } of this.rows) size.textContent = this.sizeOf(slot)
  }

  /** What tools do, and for how many seconds. */
  private renderWork(): void {
    const { running } = this.correcting.work
    this.working.hidden = running.length === 0
    if (running.length === 0) return
    const seconds = (performance.now() - Math.min(...running.map(({ since }) => since))) / 1000
    this.workers.textContent = `${running.map(({ name }) => name).join(', ')}: working …`
    this.waited.textContent = seconds < 2 ? '' : durationText(seconds)
    this.stop.hidden = running.every(({ cancel }) => cancel === null)
    clearTimeout(this.tick)
    this.tick = window.setTimeout(() => this.correcting.open && this.renderWork(), 1000)
  }

  private renderBrush(): void {
    const { correcting } = this
    const { unit } = correcting.labels
    const text = `${Number(correcting.radius.toPrecision(3))} ${unit}`
    this.size.value = String(this.placeOf(correcting.radius))
    this.size.setAttribute('aria-valuetext', text)
    this.radius.value = text
    this.ball.hidden = correcting.scan.dims[2] === 1
    this.ball.ariaPressed = String(correcting.ball)
  }

  private renderControls(): void {
    const { tool } = this.correcting.hand
    if (tool === this.shownControls) return
    this.shownControls = tool
    const controls = tool?.controls?.(this.correcting)
    fill(this.controls, controls ?? null)
  }

  private renderLabels(): void {
    const { correcting } = this
    const focused = this.rows.findIndex(({ pick }) => pick === document.activeElement)
    this.rows = correcting.choice.choices.map((slot, n) => this.row(slot, n))
    fill(
      this.labels,
      rovingList(
        'ul.correction-labels',
        this.rows.map(({ pick, lock }) => element('li', {}, pick, lock)),
      ),
    )
    this.rows[focused]?.pick.focus()
    fill(
      this.only,
      element('option', { value: '' }, 'everything unlocked'),
      element('option', { value: '0' }, 'background only'),
      ...correcting.choice.choices.map((slot) =>
        element('option', { value: slot }, `${correcting.nameOf(slot)} only`),
      ),
    )
  }

  private row(slot: number, place: number): Row {
    const { correcting } = this
    const name = correcting.nameOf(slot)
    const { legend } = correcting.labels
    const size = element('span.size')
    const pick = element(
      'button.pick',
      {
        type: 'button',
        'data-slot': slot,
        'aria-pressed': 'false',
        title: place < 9 ? `Paint ${name} (${place + 1})` : `Paint ${name}`,
        onclick: () => correcting.choice.choose(slot),
      },
      place < 9 && element('kbd', { 'aria-hidden': 'true' }, String(place + 1)),
      swatch(`rgb(${legend.colourOf(legend.valueOf(slot)).join()})`),
      element('span.name', {}, name),
      size,
    )
    const lock = element(
      'button.lock',
      {
        type: 'button',
        'aria-pressed': 'false',
        'aria-label': `Lock ${name}`,
        title: `Lock ${name}: it loses and gains no voxels (L)`,
        onclick: () => {
          correcting.choice.lock(slot, !correcting.choice.isLocked(slot))
        },
      },
      'Lock',
    )
    return { slot, pick, size, lock }
  }

  private sizeOf(slot: number): string {
    const voxels = this.correcting.editor.counts[slot]!
    return voxels === 0 ? 'none' : labelSizeText(voxels, this.correcting)
  }

  /** The slider has even steps in the logarithm of the radius. */
  private radiusAt(place: number): number {
    const { finest } = this.correcting.brush
    return Number(((finest / 2) * 400 ** (place / 100)).toPrecision(2))
  }

  private placeOf(radius: number): number {
    return Math.round((100 * Math.log((2 * radius) / this.correcting.brush.finest)) / Math.log(400))
  }
}

/** The tool in the hand: it follows the pointer and the keys, and draws over the panes. */

import type { Correcting } from './correcting'
import { overText } from './nothing'
import { Overlay } from './overlay'
import { PanePointer, spotAt } from './pane_pointer'
import type { Spot, Tool } from './tool'

export class Hand {
  tool: Tool | null = null
  /** Where the pointer is, or the key acted last. */
  private at: Spot | null = null
  /** Whether the key for "here" is held, and draws. */
  private keyed = false
  private readonly overlay = new Overlay()
  private readonly pointer: PanePointer

  /** `root`: the element around the panes. */
  constructor(
    root: HTMLElement,
    private readonly correcting: Correcting,
  ) {
    this.pointer = new PanePointer(root, {
      surfaces: () => correcting.surfaces,
      press: (spot) => this.press(spot),
      drag: (spots) => this.tool?.drag?.(correcting, spots),
      release: (spot) => this.release(spot),
      hover: (spot) => this.hover(spot),
      size: (steps) => correcting.brush.resize(steps),
      active: () => correcting.open && this.tool !== null,
    })
  }

  /** Takes a tool, or puts it down (null): then the pointer moves the crosshair. */
  take(tool: Tool | null): void {
    const { correcting } = this
    if (!correcting.free) return
    if (tool?.run !== undefined) {
      tool.run(correcting)
      return
    }
    this.forget()
    this.tool = tool
    const keys = tool === null ? '' : keysText(tool)
    correcting.say(
      tool === null ? 'The pointer moves the crosshair.' : `${tool.name}: ${tool.hint}${keys}`,
    )
    correcting.changed()
  }

  /** Forgets what has begun: something else is done. */
  forget(): void {
    this.drop()
    const { tool, correcting } = this
    if (tool?.leave !== undefined) tool.leave(correcting)
    else tool?.cancel?.(correcting)
  }

  /** Forgets the button or the key that is held. */
  private drop(): void {
    this.pointer.drop()
    this.keyed = false
  }

  /** The correction has ended. */
  end(): void {
    this.tool = null
    this.at = null
    this.keyed = false
    this.overlay.clear()
  }

  // the pointer

  private press(spot: Spot): boolean {
    const { tool, correcting } = this
    if (!correcting.open || tool?.press === undefined) return false
    this.lift()
    correcting.viewer.use(spot.surface.plane)
    if (!correcting.free || this.isLocked()) return true
    tool.press(correcting, spot)
    return true
  }

  private release(spot: Spot | null): void {
    const last = spot ?? this.at
    if (this.correcting.open && last !== null) this.tool?.release?.(this.correcting, last)
    this.correcting.changed()
  }

  private hover(spot: Spot | null): void {
    if (!this.correcting.open) return
    this.at = spot
    if (spot !== null) this.tool?.hover?.(this.correcting, spot)
    this.redraw()
  }

  // the keys

  /** The tool acts at the crosshair: a dab, or a stroke until the key is released. */
  place(): void {
    const { tool, correcting } = this
    const { spot } = correcting
    const act = tool?.place ?? tool?.press
    const drawing = this.keyed || this.pointer.isPressed // the key repeats
    if (act === undefined || spot === null || drawing) return
    if (!correcting.free || this.isLocked()) return
    this.at = spot
    this.keyed = tool?.place === undefined
    act(correcting, spot)
    this.redraw()
    correcting.changed()
  }

  /** The key for "here" is released. */
  lift(): void {
    if (!this.keyed) return
    this.keyed = false
    this.release(this.correcting.spot)
  }

  confirm(): void {
    const { tool, correcting } = this
    if (tool?.confirm === undefined || !correcting.free || this.isLocked()) return
    if (tool.confirm(correcting)) correcting.changed()
  }

  escape(): void {
    const { correcting } = this
    if (correcting.work.busy) {
      correcting.work.cancel()
      return
    }
    this.drop()
    if (this.tool?.cancel?.(correcting) !== true) this.take(null)
    correcting.changed()
  }

  /** Moves the crosshair by voxels. */
  step(right: number, down: number): void {
    this.correcting.viewer.step(right, down)
    this.at = this.correcting.spot // the brush is drawn where a key acts
    if (this.keyed && this.at !== null) this.tool?.drag?.(this.correcting, [this.at])
    this.redraw()
  }

  /** A locked label gets no voxels, which is said. */
  private isLocked(): boolean {
    const locked = this.lockText()
    if (locked !== '') this.correcting.say(`${locked}. Unlock it, or choose another label.`)
    return locked !== ''
  }

  /** "liver is locked", if that keeps the tool from working. */
  private lockText(): string {
    const { choice } = this.correcting
    const locked = this.tool?.id !== 'eraser' && choice.isLocked(choice.slot)
    return locked ? `${choice.nameOf(choice.slot)} is locked` : ''
  }

  /** Beside the pointer: what the tool would do that is not seen there, or why it would not. */
  private textAt(spot: Spot): string {
    const { tool, correcting } = this
    if (tool?.press === undefined) return ''
    const mode = tool.mode?.(correcting, spot) ?? ''
    return this.lockText() || [mode, overText(correcting)].filter(Boolean).join(', ')
  }

  redraw(): void {
    const { at, tool, correcting } = this
    if (!correcting.open) return
    const { surfaces, radius, ball } = correcting
    // The pane may show another slice, or another part of it, since the pointer moved.
    const surface = surfaces.find(({ root }) => root === at?.surface.root)
    const spot = at === null || surface === undefined ? null : spotAt(surface, at.at)
    const shown = spot !== null && tool?.cursor === 'ring'
    const ring = shown ? { spot, radius, ball, spacing: correcting.volume.spacing } : null
    const text = spot === null ? '' : this.textAt(spot)
    const tag = text === '' ? null : { spot: spot!, text }
    this.overlay.draw(surfaces, { ring, tag }, (on) => tool?.draw?.(correcting, on) ?? [])
  }
}

/** How a tool is used by keys. */
function keysText({ place, press, drag }: Tool): string {
  if (place === undefined && press === undefined) return ''
  const strokes = place === undefined && drag !== undefined
  return strokes
    ? ' At the crosshair, the key of the full stop uses it; held, Shift + arrow keys draw.'
    : ' At the crosshair, the key of the full stop uses it.'
}

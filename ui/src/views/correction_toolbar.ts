/** The tools of the correction, in the panel: above the image, they would move it. */

import type { Correcting } from '../correct/correcting'
import type { Tool } from '../correct/tool'
import { TOOLS } from '../correct/tools'
import { element } from '../element'
import { roveToolbar } from '../roving'

export class CorrectionToolbar {
  readonly root: HTMLElement
  private readonly tools = new Map<Tool | null, HTMLButtonElement>()
  private readonly undo = this.button('undo-step', 'Undo', 'Ctrl + Z', () => this.correcting.undo())
  private readonly redo = this.button('redo-step', 'Redo', 'Shift + Ctrl + Z', () =>
    this.correcting.redo(),
  )

  constructor(private readonly correcting: Correcting) {
    this.tools.set(null, this.tool(null, 'Crosshair', 'Escape', 'The pointer moves the crosshair.'))
    for (const tool of TOOLS) {
      const key = tool.key === ' ' ? 'Space' : tool.key.toUpperCase()
      this.tools.set(tool, this.tool(tool, tool.name, key, tool.hint))
    }
    this.root = element(
      'div.correction-tools',
      { role: 'toolbar', 'aria-label': 'Tools of the correction' },
      group('Tool', ...this.tools.values()),
      group('History', this.undo, this.redo, this.before),
      group(
        'Changes',
        this.button(
          'previous-change',
          '‹ Change',
          'K',
          () => this.correcting.nextChanged(-1),
          'Previous change: slice that differs from the mask before',
        ),
        this.button(
          'next-change',
          'Change ›',
          'J',
          () => this.correcting.nextChanged(1),
          'Next change: slice that differs from the mask before',
        ),
      ),
    )
    roveToolbar(this.root)
  }

  render(): void {
    const { correcting } = this
    if (!correcting.open) return
    for (const [tool, button] of this.tools) {
      if (tool?.run === undefined) button.ariaPressed = String(correcting.hand.tool === tool)
      button.disabled = correcting.work.busy
    }
    const { undoable, repeatable } = correcting.editor
    this.offer(this.undo, 'Undo', 'Ctrl + Z', undoable)
    this.offer(this.redo, 'Redo', 'Shift + Ctrl + Z', repeatable)
    this.before.ariaPressed = String(correcting.beforeShown)
  }

  private readonly before = this.button(
    'show-before',
    'Before',
    'hold Space',
    () => this.correcting.showBefore(!this.correcting.beforeShown),
    'Show the mask as it was before the correction',
  )

  private offer(button: HTMLButtonElement, label: string, key: string, step: string | null): void {
    button.disabled = step === null
    button.title = step === null ? `${label} (${key})` : `${label}: ${step} (${key})`
  }

  private tool(tool: Tool | null, name: string, key: string, hint: string): HTMLButtonElement {
    const button = this.button(`tool-${tool?.id ?? 'none'}`, name, key, () => {
      this.correcting.hand.take(tool)
    })
    button.title = `${name} (${key}): ${hint}`
    return button
  }

  private button(
    id: string,
    label: string,
    key: string,
    act: () => void,
    name = label,
  ): HTMLButtonElement {
    return element(
      'button',
      {
        type: 'button',
        id,
        title: `${name} (${key})`,
        'aria-label': name,
        onclick: act,
      },
      label,
    )
  }
}

function group(label: string, ...children: HTMLElement[]): HTMLElement {
  return element('div.group', { role: 'group', 'aria-label': label }, ...children)
}

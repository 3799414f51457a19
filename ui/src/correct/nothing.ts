/** What the reader is told of what is protected, and if a tool changed nothing. */

import type { Context } from './tool'

/** Whether anything but the label itself may be the reason. */
export function isProtecting({ editor: { protection } }: Pick<Context, 'editor'>): boolean {
  return protection.only !== null || protection.locked.size > 0
}

/** The reason is named where what is protected may be one. */
export function nothingText(name: string, context: Pick<Context, 'editor' | 'nameOf'>): string {
  const { only, locked } = context.editor.protection
  const text = `${name}: nothing changed.`
  if (only !== null) return `${text} “Paint over” allows only ${context.nameOf(only)}.`
  return locked.size > 0 ? `${text} Locked labels stay as they are.` : text
}

/** "over background only", as the reader has limited all tools by “Paint over”; else empty. */
export function overText(context: Pick<Context, 'editor' | 'nameOf'>): string {
  const { only } = context.editor.protection
  return only === null ? '' : `over ${context.nameOf(only)} only`
}

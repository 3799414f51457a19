/** Settings of a tool that begin anew with each correction: what one mask needs surprises at the next. */

import type { Editor } from './editor'

/** `first`: the settings at the beginning. They belong to the editor of the correction. */
export function perCorrection<T extends object>(
  first: () => T,
): (context: { readonly editor: Editor }) => T {
  const all = new WeakMap<Editor, T>()
  return ({ editor }) => {
    const known = all.get(editor) ?? first()
    all.set(editor, known)
    return known
  }
}

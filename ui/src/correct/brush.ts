/** The brush and the eraser: a disc on the slice, or a ball. */

import { countText } from '../text'
import type { Edit } from './labels'
import { isProtecting, nothingText } from './nothing'
import { ballStroke, discStroke } from './stroke'
import type { Context, Spot, Tool } from './tool'

/** What a brush of the context changes between two places. */
export function brushEdit(context: Context, from: Spot, to: Spot, slot: number): Edit {
  const { volume, radius, ball } = context
  const runs = ball
    ? ballStroke(volume, from.voxel, to.voxel, radius)
    : discStroke(volume, to.slice.axis, from.voxel, to.voxel, radius)
  return { slot, runs }
}

/** Whether both are on one slice; else the stroke begins anew. */
export function sameSlice(a: Spot, b: Spot): boolean {
  return a.slice.axis === b.slice.axis && a.slice.index === b.slice.index
}

/** "3D, ±4 slices": how far a ball reaches, because its other slices are not seen. */
export function depthText({ ball, radius, volume }: Context, { slice }: Spot): string {
  if (!ball) return ''
  const reach = Math.floor(radius / volume.spacing[slice.axis] + 1e-6)
  return reach === 0 ? '3D, one slice' : `3D, ±${countText(reach, 'slice')}`
}

/** A tool that changes voxels under the brush. `slot`: what they get; `edit`: which ones. */
export function brushTool(
  look: Pick<Tool, 'id' | 'name' | 'key' | 'hint'>,
  slot: (context: Context) => number,
  edit: typeof brushEdit = brushEdit,
): Tool {
  let last: Spot | null = null
  const paint = (context: Context, spots: readonly Spot[]): void => {
    const edits = spots.map((spot) => {
      const from = last !== null && sameSlice(last, spot) ? last : spot
      last = spot
      return edit(context, from, spot, slot(context))
    })
    context.editor.extend(edits)
  }
  const begin = (context: Context, spot: Spot): void => {
    last = null
    context.editor.begin(look.name)
    paint(context, [spot])
  }
  const end = (context: Context): void => {
    if (last === null) return
    last = null
    if (!context.editor.end() && isProtecting(context)) context.say(nothingText(look.name, context))
  }
  return {
    ...look,
    cursor: 'ring',
    mode: depthText,
    press: begin,
    drag: (context, spots) => {
      if (last !== null) paint(context, spots)
    },
    release: end,
    cancel: (context) => {
      const any = last !== null
      last = null
      if (any) context.editor.cancel()
      return any
    },
  }
}

export const BRUSH = brushTool(
  {
    id: 'brush',
    name: 'Brush',
    key: 'b',
    hint: 'Paints the chosen label.',
  },
  (context) => context.slot,
)

export const ERASER = brushTool(
  {
    id: 'eraser',
    name: 'Eraser',
    key: 'e',
    hint: 'Removes labels, except locked ones.',
  },
  () => 0,
)

/** What a tool of the correction is. Each is one object, listed in tools.ts. */

import type { Point } from '../schemas'
import type { CorrectionKey } from '../shortcuts'
import type { Grid } from '../viewer/nifti'
import type { At, DrawingSurface, StoredSlice } from '../viewer/port'
import type { Editor } from './editor'
import type { Edit, LabelVolume } from './labels'

/** A place on a stored slice. */
export interface Spot {
  surface: DrawingSurface
  slice: StoredSlice
  /** CSS pixels from the upper left of the pane. */
  at: At
  /** Voxel coordinates with fractions; along the slice's axis, its index. */
  voxel: Point
}

/** What a tool works with. */
export interface Context {
  /** Id of the job whose mask is corrected. */
  readonly job: string
  readonly editor: Editor
  readonly volume: LabelVolume
  /** The values of the scan, on the same grid. */
  readonly scan: Grid
  /** The slot that is painted. */
  readonly slot: number
  /** Of the brush, in mm (in pixels of an image without a size). */
  readonly radius: number
  /** Whether the brush is a ball, which paints on several slices. */
  readonly ball: boolean
  /** Of the brush and of all sizes. */
  readonly unit: 'mm' | 'px'
  /** Whether labels may be changed now: nothing works on them, and they are what is shown. */
  readonly free: boolean
  /** Where keys act: the crosshair, on the plane that was used last; null without a plane. */
  readonly spot: Spot | null
  /** The name of a slot's label. */
  nameOf: (slot: number) => string
  /** What the panel says, and a screen reader reads. `warns`: it may be a slip. */
  say: (text: string, warns?: boolean) => void
  /** Draws what the tool draws over the panes again. */
  redraw: () => void
  /**
   * Applies edits that take a moment as one step; until then nothing else can be changed. With
   * `cancel`, the reader may end the wait: it must make the edits null. A failure is shown to the
   * reader. Gives whether a voxel changed.
   */
  later: (name: string, edits: Promise<Edit[] | null>, cancel?: () => void) => Promise<boolean>
  /**
   * As `later`, but the reader goes on meanwhile: `edits` are computed after their stroke, from
   * the labels as they are then. What becomes of it is said by the tool.
   */
  aside: (
    name: string,
    edits: Promise<(() => Edit[]) | null>,
    cancel: () => void,
  ) => Promise<boolean>
}

export interface Tool {
  /** Unique; the name of its button in the page. */
  readonly id: string
  /** Its button, and the name of its steps in the history. */
  readonly name: string
  readonly key: CorrectionKey
  /** What the reader should know: the tooltip, and what is said when it is taken. */
  readonly hint: string
  /** `ring`: the brush at its true size is drawn at the pointer. */
  readonly cursor?: 'ring' | 'cross'
  /** Does its work at once, and is not taken into the hand. */
  run?: (context: Context) => void
  /** The primary button is pressed. */
  press?: (context: Context, spot: Spot) => void
  /** All samples of the pointer since the last call, while the button is pressed. */
  drag?: (context: Context, spots: readonly Spot[]) => void
  release?: (context: Context, spot: Spot) => void
  /** The pointer moves without a pressed button. */
  hover?: (context: Context, spot: Spot) => void
  /**
   * The key for "here" at the crosshair. Without it, the key is a press and a release, and the
   * crosshair drags while it is held.
   */
  place?: (context: Context, spot: Spot) => void
  /** Enter: ends what has begun, or does the tool's work; false if there is nothing to do. */
  confirm?: (context: Context) => boolean
  /** Forgets what has begun; true if there was something. */
  cancel?: (context: Context) => boolean
  /** The same as something else is done, if that does not end what it has begun. */
  leave?: (context: Context) => void
  /** Its own controls, shown in the panel while it is in the hand. */
  controls?: (context: Context) => HTMLElement
  /**
   * What it would do at a place, in a few words that are shown beside the pointer; empty: nothing to
   * say.
   */
  mode?: (context: Context, spot: Spot) => string
  /** What it draws over a pane (SVG in CSS pixels from the upper left). */
  draw?: (context: Context, surface: DrawingSurface) => SVGElement[]
}

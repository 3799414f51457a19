/** What the page asks of a viewer. No type of the library behind it appears here. */

import type { CornerFacts } from '../corner_facts'
import type { LabelVolume } from '../correct/labels'
import type { Point } from '../schemas'
import type { Tiled } from '../tiles'
import type { Legend } from './legend'
import type { Grid } from './nifti'
import type { Window } from './voi'

export type Plane = 'axial' | 'coronal' | 'sagittal'

/** Two panes side by side. */
export type Pair = 'axial+coronal' | 'axial+sagittal' | 'coronal+sagittal' | `${Plane}+volume`

/**
 * `main`: one large plane and two small ones; `planes`: three of one size; `four`: these and 3D;
 * `volume`: 3D alone; else two panes or one plane.
 */
export type View = 'main' | 'planes' | 'four' | 'volume' | Pair | Plane

/** The values under the crosshair. */
export interface Readout {
  world: Point
  /** Index into the stored volume. */
  voxel: Point
  /** One number, three for an image with colours, none outside the scan. */
  values: number[]
  /** The mask's value; 0 without a mask. */
  label: number
}

/** Where a point is drawn: CSS pixels from the window's upper left. */
export interface ScreenPoint {
  plane: Plane | 'volume'
  x: number
  y: number
}

/** CSS pixels from the upper left of a pane. */
export interface At {
  x: number
  y: number
}

/**
 * A pane on screen, for what is drawn over it. Points are in RAS+ mm in a volume, and
 * (column, row, 0) in an image.
 */
export interface DrawingSurface {
  plane: Plane
  /** Layers lie over this element, and listen to it. */
  root: HTMLElement
  toPixel: (point: Point) => At
  /** The nearest point of the scan on the slice on screen. */
  toPoint: (at: At) => Point
  /** Whether the slice on screen contains a point. */
  shows: (point: Point) => boolean
  /** Null for an image in tiles. */
  stored: StoredSlice | null
}

/** A stored slice on screen, for what changes its voxels. */
export interface StoredSlice {
  /** The voxel axis that the slices are counted along. */
  axis: 0 | 1 | 2
  /** Index of the slice along it. */
  index: number
  /** The step of the index to the next slice, in the order of the wheel. */
  next: 1 | -1
  /** Millimetres of a CSS pixel. */
  scale: number
  /** Voxel coordinates with fractions, also outside of the grid; along the axis, the index. */
  toVoxel: (at: At) => Point
  toPixel: (voxel: Point) => At
}

/** The labels on screen, for their correction. */
export interface LabelsOnScreen {
  /** Its data are drawn: after changes, `changed` draws them again. */
  volume: LabelVolume
  scan: Grid
  legend: Legend
  /** Pixels, if the image has no size in mm. */
  unit: 'mm' | 'px'
  /** Draws slices (indices along the last axis) that were changed; 3D follows after a pause. */
  changed: (slices: readonly number[]) => void
}

/** The box around the surface of a label in 3D, in RAS+ mm. */
export interface SurfaceBox {
  /** The label's value; for numbered objects, the first one with the same colour. */
  value: number
  low: Point
  high: Point
  triangles: number
}

export interface MaskStyle {
  visible: boolean
  /** Opacity of the area of a label, 0..1; 0 draws no area. */
  fill: number
  outline: boolean
}

export interface ViewerEvents {
  readout: (readout: Readout) => void
  /** The user changed the view by a double click. */
  view: (view: View) => void
  /** The user changed the window by a drag. */
  window: () => void
  /** The graphics memory was lost. */
  lost: () => void
  /** A part of the image or of the mask could not be loaded. */
  incomplete: () => void
  /** The panes were drawn: what lies over them follows. */
  drawn: () => void
}

/** How a scan is shown at first. */
export interface Start {
  facts: CornerFacts
  /** The window that the file states; null: the page chooses one. */
  window: Window | null
  /** Whether the smallest value is white. */
  inverted: boolean
  /** Whether the file states that the scan is a CT. */
  ct: boolean
}

/** Where a reader looks, in the scene: DICOM's patient space (LPS, mm) for a volume. */
export interface Gaze {
  /** Under the crosshair. */
  point: Point
  /** In the middle of the panes. */
  centre: Point
  zoom: number
  /** The plane that keys act on. */
  active: Plane
}

/** Shows volumes and images that fit into memory. */
export interface Viewer extends Controls {
  /**
   * Shows a volume, or an image as a single plane, and removes any earlier mask. False if another
   * scan was shown, or all was cleared, before it was ready.
   */
  show: (file: ArrayBuffer, dimension: 2 | 3, start: Start) => Promise<boolean>
  /** Shows the scan of another viewer, whose memory is shared; false as for `show`. */
  share: (other: Viewer) => Promise<boolean>
  /** Draws a mask on the same grid over the scan; false as for `show`. */
  overlay: (file: ArrayBuffer | Grid, legend: Legend) => Promise<boolean>
  /** Removes the mask from the planes. */
  removeMask: () => void
  /** Where the reader looks. */
  readonly gaze: Gaze
  /**
   * Looks there, too: at the nearest slices of the scan, with the crosshair exactly at the point,
   * also outside of the scan.
   */
  follow: (gaze: Gaze) => void
  /** Whether the point that it follows is outside of the scan. */
  readonly outside: boolean
  /** Draws at the scale at which the scan of another viewer fits, too. */
  fitBeside: (other: Viewer | null) => void
  /** The drawn labels, or the reason why they cannot be corrected; null without a mask. */
  readonly labels: LabelsOnScreen | string | null
  /** Keys act on this plane from now on. */
  use: (plane: Plane) => void
}

/** Shows large images in tiles. Points of the world are (column, row, 0) in pixels. */
export interface TiledViewer extends Controls {
  /** Shows an image, and removes an earlier one with its mask. */
  open: (image: Tiled) => void
  /** Draws a mask over the image. */
  cover: (labels: Tiled, legend: Legend) => void
}

/** What every viewer can do with what it shows. */
export interface Controls {
  clear: () => void

  view: View
  mask: MaskStyle
  /** Draws the mask again after its legend changed. */
  recolour: () => void

  /** The range of values from black to white; null without a scan, or for a colour image. */
  window: Window | null
  inverted: boolean
  /** Whether the values are Hounsfield units, or look like them, so that the presets for CT make sense. */
  readonly likeCt: boolean
  /** Whether the window of the file shows nearly nothing, so that the automatic one was taken. */
  readonly windowRefused: boolean
  /** The window of the start; `automatic`: the one that the page chooses by the values. */
  resetWindow: (automatic?: boolean) => void

  /**
   * Moves the crosshair to a point in RAS+ mm; with a label's value, to the voxel of that label
   * that is nearest to the point.
   */
  jump: (world: Point, value?: number) => void
  /** Turns 3D by a step, if it is alone on screen; false if it is not. */
  rotate: (right: number, down: number) => boolean
  /** Next slices (or previous ones, below 0) of the plane that was used last. */
  scroll: (slices: number) => void
  zoom: (factor: number) => void
  resetZoom: () => void

  /** Whether the crosshair is where it was when the scan was shown. */
  readonly untouched: boolean
  /** How many voxels of the scan one drawn voxel represents, along the most reduced axis. */
  readonly reduction: number
  /** Rows of the image, or of a volume's slice, as stored. */
  readonly rows: number
  /** The pixel (row, column) of an image in RAS+ mm. */
  worldOfPixel: (row: number, column: number) => Point | null
  /** The panes on screen. */
  readonly drawingSurfaces: DrawingSurface[]
  /** The values of the scan; null where the page has none. */
  readonly grid: Grid | null
  /** The plane that keys act on. */
  readonly active: Plane
  /** The crosshair, as a point of a drawing surface. */
  readonly crosshair: Point
  /** Moves the crosshair on the active plane, by voxels. */
  step: (right: number, down: number) => void
  /**
   * Where a point (RAS+ mm) is drawn: in 3D, and in each plane on screen whose slice contains it.
   */
  project: (world: Point) => ScreenPoint[]
  /** The surfaces in 3D; none for an image. */
  readonly surfaces: SurfaceBox[]
}

/**
 * The surface of a label by vtk.js's marching cubes.
 *
 * The cubes run over a field that is above 0.5 in every voxel of the label and below 0.5 in all
 * others, and smoothed as far as that allows: the surface passes between any two neighbours of
 * which one is in the label. No voxel is lost or added, and there are no steps of voxels.
 */

import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray.js'
import vtkImageData from '@kitware/vtk.js/Common/DataModel/ImageData.js'
import vtkImageMarchingCubes from '@kitware/vtk.js/Filters/General/ImageMarchingCubes.js'
import type { Point } from '../schemas'
import { cross, dot, plus } from './geometry'
import { product, type Reduction, reductionOf } from './reduction'

/** Slots of voxels, i fastest, and which surface each slot belongs to (0: none). */
export interface Labels {
  slots: Uint8Array
  dims: Point
  groups: Uint8Array
}

/** Where the voxels are: origin, unit vectors of the axes, distances along them (mm). */
export interface Placement {
  origin: Point
  directions: [Point, Point, Point]
  spacing: Point
}

/** Triangles in the scene. */
export interface Surface {
  group: number
  /** x, y, z of each corner. */
  points: Float32Array
  /** Outward unit vector of each corner. */
  normals: Float32Array
  /** 3, then the numbers of three corners; for each triangle. */
  polys: Uint32Array
  /** Voxels that one cell stands for, along the most reduced axis. */
  reduction: number
}

/** Voxel indices, first and last. */
export interface Box {
  low: Point
  high: Point
}

const INSIDE = 0.5
const BORDER = 2 // empty cells around a label: as far as it is smoothed
const MARGIN = 0.1 // larger: small labels are drawn larger, and smooth ones less smooth

/** The voxels of each group; groups without voxels have none. */
export function boxesOf({ slots, dims, groups }: Labels): Map<number, Box> {
  const boxes = new Map<number, Box>()
  const [ni, nj, nk] = dims
  for (let k = 0, n = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, n++) {
        if (slots[n] === 0) continue
        const group = groups[slots[n]!]!
        if (group !== 0) widen(boxes, group, i, j, k)
      }
    }
  }
  return boxes
}

function widen(boxes: Map<number, Box>, group: number, i: number, j: number, k: number): void {
  const box = boxes.get(group)
  if (box === undefined) {
    boxes.set(group, { low: [i, j, k], high: [i, j, k] })
    return
  }
  const { low, high } = box
  if (i < low[0]) low[0] = i
  else if (i > high[0]) high[0] = i
  if (j < low[1]) low[1] = j
  else if (j > high[1]) high[1] = j
  high[2] = k // slices come in this order
}

/** The surface of one group; `most`: cells of its grid. */
export function surfaceOf(
  labels: Labels,
  group: number,
  box: Box,
  placement: Placement,
  most: number,
): Surface {
  const size = box.high.map((n, axis) => n - box.low[axis]! + 1) as Point
  const reduction = reductionOf(size, placement.spacing, most)
  const { step, dims } = reduction
  const shares = sharesOf(labels, group, box, reduction)
  const padded = dims.map((n) => n + 2 * BORDER) as Point
  const spacing = placement.spacing.map((mm, axis) => mm * step[axis]!) as Point
  // The middle of the first cell of the border.
  const start = box.low.map((n, axis) => {
    return (n + (step[axis]! - 1) / 2 - BORDER * step[axis]!) * placement.spacing[axis]!
  }) as Point
  const mesh = march(smoothed(shares, padded), padded, start, spacing)
  return { group, ...inScene(mesh, placement), reduction: Math.max(...step) }
}

/** How much of each block is in the group, 0..1, with an empty border. */
function sharesOf(
  { slots, dims, groups }: Labels,
  group: number,
  { low, high }: Box,
  { step, dims: small }: Reduction,
): Float32Array {
  const [mi, mj, mk] = small.map((n) => n + 2 * BORDER) as Point
  const shares = new Float32Array(mi * mj * mk)
  const part = 1 / product(step)
  for (let k = low[2]; k <= high[2]; k++) {
    const toK = BORDER + Math.floor((k - low[2]) / step[2])
    for (let j = low[1]; j <= high[1]; j++) {
      const row = mi * (BORDER + Math.floor((j - low[1]) / step[1]) + mj * toK)
      const from = dims[0] * (j + dims[1] * k)
      for (let i = low[0]; i <= high[0]; i++) {
        if (groups[slots[from + i]!] !== group) continue
        shares[row + BORDER + Math.floor((i - low[0]) / step[0])]! += part
      }
    }
  }
  return shares
}

/**
 * The share of the group around each cell, kept off 0.5 by a margin on the cell's own side. If no
 * block is full by half, as in a thin vessel, blocks half as full as the fullest one are in it.
 */
function smoothed(shares: Float32Array, dims: Point): Float32Array {
  let fullest = 0
  for (const share of shares) if (share > fullest) fullest = share
  const least = Math.min(INSIDE, fullest / 2)
  const inside = shares.map((share) => Number(share > 0 && share >= least))
  let around: Float32Array = inside
  for (const axis of [0, 1, 2, 0, 1, 2] as const) around = blurred(around, dims, axis)
  return around.map((value, n) =>
    inside[n] === 1 ? Math.max(value, INSIDE + MARGIN) : Math.min(value, INSIDE - MARGIN),
  )
}

/** Weights 1/4, 1/2, 1/4 along an axis; its last cells must be empty. */
function blurred(field: Float32Array, [ni, nj]: Point, axis: 0 | 1 | 2): Float32Array {
  const stride = [1, ni, ni * nj][axis]!
  const out = new Float32Array(field.length)
  for (let n = 0; n < field.length; n++) {
    const before = field[n - stride] ?? 0
    const after = field[n + stride] ?? 0
    out[n] = 0.25 * before + 0.5 * field[n]! + 0.25 * after
  }
  return out
}

interface Mesh {
  points: Float32Array
  normals: Float32Array
  polys: Uint32Array
}

/** In mm along the voxel axes. */
function march(field: Float32Array, dims: Point, origin: Point, spacing: Point): Mesh {
  const image = vtkImageData.newInstance({ origin, spacing })
  image.setDimensions(dims)
  image.getPointData().setScalars(vtkDataArray.newInstance({ values: field }))
  const cubes = vtkImageMarchingCubes.newInstance({ contourValue: INSIDE, computeNormals: true })
  cubes.setInputData(image)
  const mesh = cubes.getOutputData()
  return {
    points: mesh.getPoints().getData() as Float32Array,
    normals: mesh.getPointData().getNormals()!.getData() as Float32Array,
    polys: mesh.getPolys().getData() as Uint32Array,
  }
}

function inScene({ points, normals, polys }: Mesh, { origin, directions }: Placement): Mesh {
  const turn = (vectors: Float32Array, start: Point): void => {
    for (let n = 0; n < vectors.length; n += 3) {
      const [a, b, c] = [vectors[n]!, vectors[n + 1]!, vectors[n + 2]!]
      for (let axis = 0; axis < 3; axis++) {
        vectors[n + axis] =
          start[axis]! +
          a * directions[0][axis]! +
          b * directions[1][axis]! +
          c * directions[2][axis]!
      }
    }
  }
  turn(points, origin)
  turn(normals, [0, 0, 0])
  return { points, normals, polys: outward(points, normals, polys) }
}

/** Triangles that are counter-clockwise as seen from outside: a flipped grid turns them. */
function outward(points: Float32Array, normals: Float32Array, polys: Uint32Array): Uint32Array {
  const at = (values: Float32Array, corner: number): Point => {
    return [values[3 * corner]!, values[3 * corner + 1]!, values[3 * corner + 2]!]
  }
  let agreeing = 0
  for (let n = 0; n < Math.min(polys.length, 400); n += 4) {
    const [a, b, c] = [1, 2, 3].map((m) => at(points, polys[n + m]!)) as [Point, Point, Point]
    const face = cross(plus(b, a, -1), plus(c, a, -1))
    agreeing += Math.sign(dot(face, at(normals, polys[n + 1]!)))
  }
  if (agreeing >= 0) return polys
  for (let n = 0; n < polys.length; n += 4) {
    ;[polys[n + 2], polys[n + 3]] = [polys[n + 3]!, polys[n + 2]!]
  }
  return polys
}

/** The corners of the box around points. */
export function extremesOf(points: Float32Array): [Point, Point] {
  const low: Point = [Infinity, Infinity, Infinity]
  const high: Point = [-Infinity, -Infinity, -Infinity]
  for (let n = 0; n < points.length; n++) {
    const axis = n % 3
    if (points[n]! < low[axis]!) low[axis] = points[n]!
    if (points[n]! > high[axis]!) high[axis] = points[n]!
  }
  return [low, high]
}

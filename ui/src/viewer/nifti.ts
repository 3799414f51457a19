/**
 * The parts of NIfTI-1 and NIfTI-2 that the page needs: the grid, its place in space, and the
 * stored values, exactly (also uint32). Field offsets are those of nifti1.h and nifti2.h.
 */

import type { Affine } from './geometry'

export type Numbers =
  | Uint8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

export interface Grid {
  /** Voxels along i, j, k; i runs fastest. */
  dims: [number, number, number]
  /** Numbers of one voxel: 3 for RGB, else 1. */
  components: 1 | 3
  data: Numbers
  /** Voxel -> RAS+ mm. */
  affine: Affine
  /** value = stored number * slope + intercept */
  slope: number
  intercept: number
}

const RGB24 = 128

interface Layout {
  size: number
  datatype: number
  dim: (view: DataView, axis: number) => number
  offset: (view: DataView) => number
  real: (view: DataView, at: number) => number
  code: (view: DataView, at: number) => number
  /** Offsets of the fields pixdim, scl_slope, scl_inter, qform_code, sform_code, quatern_b, srow_x, xyzt_units. */
  pixdim: number
  slope: number
  intercept: number
  qform: number
  sform: number
  quaternion: number
  srow: number
  units: number
  /** Bytes of a real number. */
  step: 4 | 8
}

const FIRST: Layout = {
  size: 348,
  datatype: 70,
  dim: (view, axis) => view.getInt16(40 + 2 * axis, true),
  offset: (view) => view.getFloat32(108, true),
  real: (view, at) => view.getFloat32(at, true),
  code: (view, at) => view.getInt16(at, true),
  pixdim: 76,
  slope: 112,
  intercept: 116,
  qform: 252,
  sform: 254,
  quaternion: 256,
  srow: 280,
  units: 123,
  step: 4,
}

const SECOND: Layout = {
  size: 540,
  datatype: 12,
  dim: (view, axis) => Number(view.getBigInt64(16 + 8 * axis, true)),
  offset: (view) => Number(view.getBigInt64(168, true)),
  real: (view, at) => view.getFloat64(at, true),
  code: (view, at) => view.getInt32(at, true),
  pixdim: 104,
  slope: 176,
  intercept: 184,
  qform: 344,
  sform: 348,
  quaternion: 352,
  srow: 400,
  units: 500,
  step: 8,
}

const ARRAYS: Record<number, new (buffer: ArrayBuffer) => Numbers> = {
  2: Uint8Array,
  4: Int16Array,
  8: Int32Array,
  16: Float32Array,
  64: Float64Array,
  [RGB24]: Uint8Array,
  512: Uint16Array,
  768: Uint32Array,
}

/** Millimetres of the units metre, millimetre and micrometre. */
const UNITS: Record<number, number> = { 1: 1000, 2: 1, 3: 0.001 }

function layoutOf(view: DataView): Layout {
  const size = view.byteLength >= 348 ? view.getInt32(0, true) : 0
  if (size === FIRST.size) return FIRST
  if (size === SECOND.size) return SECOND
  throw new Error('The file is not a little-endian NIfTI file.')
}

/** Reads the first frame; throws if the page does not support the file. */
export function decode(file: ArrayBuffer): Grid {
  const view = new DataView(file)
  const layout = layoutOf(view)
  const axes = layout.dim(view, 0)
  const count = (axis: number): number => (axis <= axes ? Math.max(1, layout.dim(view, axis)) : 1)
  const dims: Grid['dims'] = [count(1), count(2), count(3)]
  const datatype = view.getInt16(layout.datatype, true)
  const type = ARRAYS[datatype]
  if (type === undefined) throw new Error(`NIfTI data type ${datatype} is not supported.`)
  const components = datatype === RGB24 ? 3 : 1
  const offset = layout.offset(view)
  const width = (type as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT
  const bytes = dims[0] * dims[1] * dims[2] * components * width
  if (offset + bytes > file.byteLength) throw new Error('The file is truncated.')
  const slope = layout.real(view, layout.slope)
  const scaled = components === 1 && Number.isFinite(slope) && slope !== 0
  return {
    dims,
    components,
    data: new type(file.slice(offset, offset + bytes)),
    affine: affineOf(view, layout),
    slope: scaled ? slope : 1,
    intercept: scaled ? layout.real(view, layout.intercept) || 0 : 0,
  }
}

/** Colours that are all grey as one number for each voxel; any other grid as it is. */
export function uncoloured(grid: Grid): Grid {
  const { components, data } = grid
  if (components === 1) return grid
  const grey = new Uint8Array(data.length / 3)
  for (let n = 0; n < grey.length; n++) {
    const red = data[3 * n]!
    if (data[3 * n + 1] !== red || data[3 * n + 2] !== red) return grid
    grey[n] = red
  }
  return { ...grid, components: 1, data: grey }
}

/** The sform, else the qform, else the voxel sizes alone, as in nifti1.h. */
function affineOf(view: DataView, layout: Layout): Affine {
  const real = (at: number, n: number): number => layout.real(view, at + layout.step * n)
  const scale = UNITS[view.getUint8(layout.units) & 7] ?? 1
  const sform = [0, 1, 2].map((row) => [0, 1, 2, 3].map((n) => real(layout.srow, 4 * row + n)))
  const sizes = [1, 2, 3].map((axis) => Math.abs(real(layout.pixdim, axis)) || 1)
  let rows = sizes.map((size, row) => [0, 1, 2].map((n) => (n === row ? size : 0)).concat(0))
  if (layout.code(view, layout.sform) > 0 && sound(sform)) rows = sform
  else if (layout.code(view, layout.qform) > 0) {
    const flip = real(layout.pixdim, 0) < 0 ? -1 : 1
    const numbers = [0, 1, 2, 3, 4, 5].map((n) => real(layout.quaternion, n))
    rows = rowsOf(numbers, [sizes[0]!, sizes[1]!, flip * sizes[2]!])
  }
  return [...rows.map((row) => row.map((value) => value * scale)), [0, 0, 0, 1]]
}

function sound(rows: number[][]): boolean {
  const columns = [0, 1, 2].map((n) => Math.hypot(...rows.map((row) => row[n]!)))
  return columns.every((length) => Number.isFinite(length) && length > 0)
}

/** Rows of an affine from a qform: a unit quaternion without its real part, and an offset. */
function rowsOf([b, c, d, x, y, z]: number[], sizes: number[]): number[][] {
  const a = Math.sqrt(Math.max(0, 1 - b! * b! - c! * c! - d! * d!))
  const turn = [
    [a * a + b! * b! - c! * c! - d! * d!, 2 * (b! * c! - a * d!), 2 * (b! * d! + a * c!)],
    [2 * (b! * c! + a * d!), a * a + c! * c! - b! * b! - d! * d!, 2 * (c! * d! - a * b!)],
    [2 * (b! * d! - a * c!), 2 * (c! * d! + a * b!), a * a + d! * d! - b! * b! - c! * c!],
  ]
  return turn.map((row, n) => [...row.map((value, axis) => value * sizes[axis]!), [x, y, z][n]!])
}

/** Every `step`-th voxel along each axis; the first one keeps its place. */
export function thinned(grid: Grid, step: [number, number, number]): Grid {
  const { components } = grid
  const dims = grid.dims.map((n, axis) => Math.ceil(n / step[axis]!)) as Grid['dims']
  const data = grid.data.slice(0, dims[0] * dims[1] * dims[2] * components)
  let to = 0
  for (let k = 0; k < dims[2]; k++) {
    for (let j = 0; j < dims[1]; j++) {
      const row = grid.dims[0] * (j * step[1] + grid.dims[1] * k * step[2])
      for (let i = 0; i < dims[0]; i++) {
        const from = (row + i * step[0]) * components
        for (let c = 0; c < components; c++) data[to++] = grid.data[from + c]!
      }
    }
  }
  const affine = grid.affine.map((row) => row.map((value, n) => value * (step[n] ?? 1)))
  return { ...grid, dims, data, affine }
}

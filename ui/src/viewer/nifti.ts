/**
 * The parts of NIfTI-1 and NIfTI-2 that the page needs: it reads a mask's values exactly (also
 * uint32) and writes a file that differs from another one only in its voxels. Field offsets are
 * those of nifti1.h and nifti2.h.
 */

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
  datatype: number
  /** One number a voxel; RGB24 has three bytes a voxel. */
  data: Numbers
  /** The header with its extension flag, as in the file. */
  header: ArrayBuffer
}

export const RGB24 = 128
const UINT8 = 2

interface Layout {
  size: number
  datatype: number
  bitpix: number
  dim: (view: DataView, axis: number) => number
  setDim: (view: DataView, axis: number, count: number) => void
  offset: (view: DataView) => number
  setOffset: (view: DataView, bytes: number) => void
  pixdim: (axis: number) => number
  srow: (row: number, column: number) => number
  real: 4 | 8
  qform: number
  intent: number
  cal: [number, number]
}

const FIRST: Layout = {
  size: 348,
  datatype: 70,
  bitpix: 72,
  dim: (view, axis) => view.getInt16(40 + 2 * axis, true),
  setDim: (view, axis, count) => view.setInt16(40 + 2 * axis, count, true),
  offset: (view) => view.getFloat32(108, true),
  setOffset: (view, bytes) => view.setFloat32(108, bytes, true),
  pixdim: (axis) => 76 + 4 * axis,
  srow: (row, column) => 280 + 16 * row + 4 * column,
  real: 4,
  qform: 252,
  intent: 68,
  cal: [124, 128],
}

const SECOND: Layout = {
  size: 540,
  datatype: 12,
  bitpix: 14,
  dim: (view, axis) => Number(view.getBigInt64(16 + 8 * axis, true)),
  setDim: (view, axis, count) => view.setBigInt64(16 + 8 * axis, BigInt(count), true),
  offset: (view) => Number(view.getBigInt64(168, true)),
  setOffset: (view, bytes) => view.setBigInt64(168, BigInt(bytes), true),
  pixdim: (axis) => 104 + 8 * axis,
  srow: (row, column) => 400 + 32 * row + 8 * column,
  real: 8,
  qform: 344,
  intent: 504,
  cal: [192, 200],
}

const ARRAYS: Record<number, new (buffer: ArrayBuffer) => Numbers> = {
  [UINT8]: Uint8Array,
  4: Int16Array,
  8: Int32Array,
  16: Float32Array,
  64: Float64Array,
  [RGB24]: Uint8Array,
  512: Uint16Array,
  768: Uint32Array,
}

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
  const dims: [number, number, number] = [count(1), count(2), count(3)]
  const datatype = view.getInt16(layout.datatype, true)
  const type = ARRAYS[datatype]
  if (type === undefined) throw new Error(`NIfTI data type ${datatype} is not supported.`)
  const offset = layout.offset(view)
  const bytes = dims[0] * dims[1] * dims[2] * (view.getInt16(layout.bitpix, true) / 8)
  if (offset + bytes > file.byteLength) throw new Error('The file is truncated.')
  return {
    dims,
    datatype,
    data: new type(file.slice(offset, offset + bytes)),
    header: file.slice(0, layout.size + 4),
  }
}

/** A file on the grid of `like`, with these bytes as voxels (uint8, or RGB24 for three a voxel). */
export function encode(like: Grid, data: Uint8Array, datatype: number = UINT8): ArrayBuffer {
  const header = like.header.slice(0)
  const view = new DataView(header)
  const layout = layoutOf(view)
  view.setInt16(layout.datatype, datatype, true)
  view.setInt16(layout.bitpix, datatype === RGB24 ? 24 : 8, true)
  layout.setOffset(view, header.byteLength)
  new Uint8Array(header).fill(0, layout.size) // no extensions
  // The viewer smooths the edges of a declared label map; every voxel must be visible.
  if (layout.real === 4) view.setInt16(layout.intent, 0, true)
  else view.setInt32(layout.intent, 0, true)
  for (const place of layout.cal) setReal(view, layout, place, 0)
  const file = new Uint8Array(header.byteLength + data.byteLength)
  file.set(new Uint8Array(header), 0)
  file.set(data, header.byteLength)
  return file.buffer
}

/** Every `step`-th voxel along each axis, in its place; needs an sform. */
export function thinned(grid: Grid, step: [number, number, number]): Grid {
  const dims = grid.dims.map((n, axis) => Math.ceil(n / step[axis]!)) as Grid['dims']
  const components = grid.datatype === RGB24 ? 3 : 1
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
  return { ...grid, dims, data, header: respaced(grid.header, dims, step) }
}

function respaced(original: ArrayBuffer, dims: number[], step: number[]): ArrayBuffer {
  const header = original.slice(0)
  const view = new DataView(header)
  const layout = layoutOf(view)
  view.setInt16(layout.qform, 0, true) // only the sform is rewritten
  if (layout.real === 8) view.setInt32(layout.qform, 0, true)
  for (let axis = 0; axis < 3; axis++) {
    layout.setDim(view, axis + 1, dims[axis]!)
    const places = [layout.pixdim(axis + 1), ...[0, 1, 2].map((row) => layout.srow(row, axis))]
    for (const place of places)
      setReal(view, layout, place, real(view, layout, place) * step[axis]!)
  }
  return header
}

function real(view: DataView, layout: Layout, place: number): number {
  return layout.real === 4 ? view.getFloat32(place, true) : view.getFloat64(place, true)
}

function setReal(view: DataView, layout: Layout, place: number, value: number): void {
  if (layout.real === 4) view.setFloat32(place, value, true)
  else view.setFloat64(place, value, true)
}

import { describe, expect, it } from 'vitest'
import { decode, thinned, uncoloured } from './nifti'

interface Fields {
  sform?: number[]
  quaternion?: number[]
  flip?: boolean
  units?: number
  scale?: [number, number]
}

/** A NIfTI-1 file of 2 x 3 x 2 int16 voxels, numbered from 0, of 1 x 2 x 3. */
function file({ sform, quaternion, flip = false, units = 2, scale = [0, 0] }: Fields): ArrayBuffer {
  const buffer = new ArrayBuffer(352 + 24)
  const view = new DataView(buffer)
  view.setInt32(0, 348, true)
  const dims = [3, 2, 3, 2, 1, 1, 1, 1]
  for (const [axis, n] of dims.entries()) view.setInt16(40 + 2 * axis, n, true)
  view.setInt16(70, 4, true)
  view.setInt16(72, 16, true)
  const sizes = [flip ? -1 : 1, 1, 2, 3]
  for (const [axis, n] of sizes.entries()) view.setFloat32(76 + 4 * axis, n, true)
  view.setFloat32(108, 352, true)
  view.setFloat32(112, scale[0], true)
  view.setFloat32(116, scale[1], true)
  view.setUint8(123, units)
  view.setInt16(252, quaternion === undefined ? 0 : 1, true)
  view.setInt16(254, sform === undefined ? 0 : 1, true)
  for (const [n, value] of (quaternion ?? []).entries()) view.setFloat32(256 + 4 * n, value, true)
  for (const [n, value] of (sform ?? []).entries()) view.setFloat32(280 + 4 * n, value, true)
  new Int16Array(buffer, 352).set(Array.from({ length: 12 }, (_, n) => n))
  return buffer
}

const SFORM = [0, -2, 0, 10, 1, 0, 0, -20, 0, 0, 3, 5]

describe('NIfTI', () => {
  it('is placed by its sform', () => {
    const { affine, dims, data } = decode(file({ sform: SFORM }))
    expect(affine.flat()).toEqual([...SFORM, 0, 0, 0, 1])
    expect(dims).toEqual([2, 3, 2])
    expect([...data]).toEqual(Array.from({ length: 12 }, (_, n) => n))
  })

  it('is placed by its qform without an sform', () => {
    const half = Math.SQRT1_2 // a quarter turn about z
    const { affine } = decode(file({ quaternion: [0, 0, half, 1, 2, 3], flip: true }))
    const expected = [0, -2, 0, 1, 1, 0, 0, 2, 0, 0, -3, 3, 0, 0, 0, 1]
    for (const [n, value] of affine.flat().entries()) expect(value).toBeCloseTo(expected[n]!, 5)
  })

  it('is placed by its voxel sizes alone, in mm', () => {
    const { affine } = decode(file({ units: 3 }))
    expect(affine.map((row, n) => row[n])).toEqual([0.001, 0.002, 0.003, 1])
  })

  it('has the scale of its values', () => {
    expect(decode(file({ scale: [2, -1] }))).toMatchObject({ slope: 2, intercept: -1 })
    expect(decode(file({}))).toMatchObject({ slope: 1, intercept: 0 })
  })

  it('keeps the place of the voxels that are drawn of a large one', () => {
    const { dims, data, affine } = thinned(decode(file({ sform: SFORM })), [1, 2, 1])
    expect(dims).toEqual([2, 2, 2])
    expect([...data]).toEqual([0, 1, 4, 5, 6, 7, 10, 11])
    expect(affine[0]![1]).toBe(-4)
  })

  it('is refused if it is truncated or something else', () => {
    expect(() => decode(file({}).slice(0, 370))).toThrow('truncated')
    expect(() => decode(new ArrayBuffer(400))).toThrow('NIfTI')
  })
})

describe('an image in colours', () => {
  const grid = { ...decode(file({})), components: 3 as const }

  it('that are all grey has one number for each voxel', () => {
    const { components, data } = uncoloured({ ...grid, data: Uint8Array.of(1, 1, 1, 9, 9, 9) })
    expect([components, ...data]).toEqual([1, 1, 9])
  })

  it('keeps them otherwise', () => {
    const coloured = { ...grid, data: Uint8Array.of(1, 1, 1, 9, 9, 8) }
    expect(uncoloured(coloured)).toBe(coloured)
  })
})

/**
 * Exact Euclidean distances on a slice.
 *
 * The lower envelope of parabolas, one axis after the other: P. F. Felzenszwalb and
 * D. P. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012),
 * 415-428, with the spacing of each axis in mm.
 */

/** Squared distance (mm²) between centres, from each voxel to the nearest one that is not 0. */
export function squaredDistances(
  mask: Uint8Array,
  [nu, nv]: readonly [number, number],
  [su, sv]: readonly [number, number],
): Float64Array {
  const squared = new Float64Array(nu * nv)
  const envelope = new Envelope(Math.max(nu, nv))
  for (let n = 0; n < mask.length; n++) squared[n] = mask[n] === 0 ? Infinity : 0
  for (let v = 0; v < nv; v++) envelope.transform(squared, v * nu, 1, nu, su)
  for (let u = 0; u < nu; u++) envelope.transform(squared, u, nu, nv, sv)
  return squared
}

/** Works on one row at a time, in place. */
class Envelope {
  private readonly values: Float64Array
  /** Where the parabolas of the envelope have their minima, and where each begins to be lowest. */
  private readonly minima: Int32Array
  private readonly begins: Float64Array

  constructor(longest: number) {
    this.values = new Float64Array(longest)
    this.minima = new Int32Array(longest)
    this.begins = new Float64Array(longest)
  }

  transform(data: Float64Array, start: number, stride: number, count: number, step: number): void {
    const { values, minima, begins } = this
    for (let n = 0; n < count; n++) values[n] = data[start + n * stride]!
    const parabolas = this.build(count, step * step)
    if (parabolas === 0) return
    for (let n = 0, at = 0; n < count; n++) {
      while (at + 1 < parabolas && begins[at + 1]! <= n) at++
      const apart = (n - minima[at]!) * step
      data[start + n * stride] = apart * apart + values[minima[at]!]!
    }
  }

  /** The number of parabolas of the envelope. */
  private build(count: number, square: number): number {
    const { values, minima, begins } = this
    let last = -1
    for (let n = 0; n < count; n++) {
      if (values[n] === Infinity) continue
      let begin = -Infinity
      while (last >= 0) {
        begin = this.meeting(minima[last]!, n, square)
        if (begin > begins[last]!) break
        last--
        begin = -Infinity
      }
      last++
      minima[last] = n
      begins[last] = begin
    }
    return last + 1
  }

  /** Where the parabola of b gets lower than that of a, which is to its left. */
  private meeting(a: number, b: number, square: number): number {
    const { values } = this
    return (values[b]! - values[a]!) / (2 * square * (b - a)) + (a + b) / 2
  }
}

/** What is drawn of voxels that are no numbers, which graphics hardware draws as it likes. */

/** NaN as the smallest value, and infinite values as the smallest and the largest one. */
export function finite<T extends ArrayLike<number>>(data: T): T | Float32Array {
  if (!(data instanceof Float32Array) || allFinite(data)) return data
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of data) {
    if (!Number.isFinite(value)) continue
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  if (lowest > highest) return new Float32Array(data.length)
  return data.map((value) =>
    Number.isFinite(value) ? value : value === Number.POSITIVE_INFINITY ? highest : lowest,
  )
}

/** A loop without calls: volumes have up to 2^28 voxels. */
function allFinite(data: Float32Array): boolean {
  for (let n = 0; n < data.length; n++) if (!Number.isFinite(data[n])) return false
  return true
}

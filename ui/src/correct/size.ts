/** Sizes of the brush: radii in mm, in steps that feel even. */

const STEP = 1.15

/** The radius so many steps larger, or smaller. `finest`: the smallest voxel side, in mm. */
export function resized(radius: number, steps: number, finest: number): number {
  return limited(rounded(radius * STEP ** steps, radius, steps), finest)
}

/** Between half a voxel, which is one voxel, and 200 voxels. */
export function limited(radius: number, finest: number): number {
  return Math.min(200 * finest, Math.max(finest / 2, radius))
}

/** Two digits, but never the radius that it was. */
function rounded(next: number, before: number, steps: number): number {
  const unit = 10 ** (Math.floor(Math.log10(next)) - 1)
  const near = Math.round(next / unit) * unit
  const result = near === before ? before + Math.sign(steps) * unit : near
  return Number(result.toPrecision(6))
}

import { describe, expect, it } from 'vitest'
import {
  dragged,
  type Range,
  rangeOf,
  showsObject,
  statisticsOf,
  windowOf,
  windowText,
} from './voi'

/** PS3.3 C.11.2.1.2.1, as it is written there, for grey levels 0 to 255. */
function grey(value: number, centre: number, width: number): number {
  if (value <= centre - 0.5 - (width - 1) / 2) return 0
  if (value > centre - 0.5 + (width - 1) / 2) return 255
  return ((value - (centre - 0.5)) / (width - 1) + 0.5) * 255
}

describe('window', () => {
  it('is the linear function of DICOM', () => {
    for (const [centre, width] of [
      [40, 80],
      [-600, 1500],
      [2048, 4096],
      [0, 100],
      [7, 2],
    ] as const) {
      const { lower, upper } = rangeOf({ centre, width }, true)
      for (let value = centre - width; value <= centre + width; value++) {
        const drawn = (255 * (value - lower)) / (upper - lower)
        expect(Math.min(255, Math.max(0, drawn))).toBeCloseTo(grey(value, centre, width), 6)
      }
    }
  })

  it('is kept by its range', () => {
    for (const integers of [true, false]) {
      const window = { centre: 12, width: 345 }
      expect(windowOf(rangeOf(window, integers), integers)).toEqual(window)
    }
  })

  it('has no half steps for values that are no integers', () => {
    expect(rangeOf({ centre: 0.5, width: 1 }, false)).toEqual({ lower: 0, upper: 1 })
  })

  it('follows the function that the file states, whatever the values are', () => {
    const window = { centre: 40, width: 81 }
    expect(rangeOf({ ...window, function: 'LINEAR' }, false)).toEqual({ lower: -0.5, upper: 79.5 })
    const exact = rangeOf({ ...window, function: 'LINEAR_EXACT' }, true)
    expect(exact).toEqual({ lower: -0.5, upper: 80.5 })
    expect(windowText({ ...window, function: 'SIGMOID' })).toBe('C 40  W 81  sigmoid')
  })

  it('is dragged in steps that fit the values, and never vanishes', () => {
    const reach = { lower: 0, upper: 1 }
    const wider = dragged({ centre: 0.5, width: 1 }, 512, 256, reach, false)
    expect(wider.width).toBeCloseTo(2)
    expect(wider.centre).toBeCloseTo(0)
    expect(dragged({ centre: 0.5, width: 1 }, -9999, 0, reach, false).width).toBeGreaterThan(0)
    const ct = dragged({ centre: 40, width: 80 }, -9999, 0, { lower: -1000, upper: 1000 }, true)
    expect(ct.width).toBe(1)
  })
})

/** Numbers of a normal distribution, always the same. */
function normal(count: number, mean: number, deviation: number): number[] {
  return Array.from({ length: count }, (_, n) => {
    const angle = 2 * Math.PI * ((n * 0.618034) % 1)
    const radius = Math.sqrt(-2 * Math.log((n * 0.754878 + 0.31) % 1 || 0.5))
    return Math.round(mean + deviation * radius * Math.cos(angle))
  })
}

/** Standardised uptake of a body in air: soft tissue, liver, brain, bladder, a small lesion. */
function uptake(air: number[], scale = 1): number[] {
  const spread = (count: number, mean: number, deviation: number): number[] =>
    normal(count, 1000 * mean, 1000 * deviation).map((n) => Math.max(0, n / 1000))
  const body = [
    ...spread(17_000, 0.9, 0.3),
    ...spread(450, 2.2, 0.3),
    ...spread(350, 8, 1.5),
    ...spread(60, 60, 10),
    ...spread(20, 12, 3),
  ]
  return [...air, ...body].map((value) => value * scale)
}

describe('the first window of a PET', () => {
  const air = normal(80_000, 0, 30).map((n) => n / 1000)
  const still = air.map(Math.abs)
  const kinds: Record<string, [number[], number]> = {
    'standardised uptake': [uptake(still), 1],
    'Bq/ml': [uptake(still, 5000), 5000],
    'whole Bq/ml': [uptake(still, 5000).map(Math.round), 5000],
    'noise on both sides of 0': [uptake(air.map((n) => 3 * n)), 1],
    'a few voxels below 0': [[...uptake(still), -5, -5, -30], 1],
    'artefacts beside the bladder': [[...uptake(still), ...new Array(700).fill(-30)], 1],
    'voxels without a number': [uptake(still.map((n, i) => (i % 3 === 0 ? n : NaN))), 1],
    'infinite voxels': [uptake(still.map((n, i) => (i % 9 === 0 ? Infinity : n))), 1],
  }
  it.each(Object.entries(kinds))(
    'shows liver, brain and lesions apart: %s',
    (_, [values, unit]) => {
      const { range, likeCt } = statisticsOf(Float32Array.from(values))
      const grey = (value: number): number =>
        (unit * value - range.lower) / (range.upper - range.lower)
      expect(likeCt).toBe(false)
      expect(grey(0)).toBeLessThan(0.05)
      expect(grey(2.2)).toBeGreaterThan(0.12)
      expect(grey(2.2)).toBeLessThan(0.4)
      expect(grey(8)).toBeGreaterThan(0.6)
      expect(grey(6)).toBeLessThan(1)
    },
  )

  it('is not that of the file if its bladder alone is in it', () => {
    const statistics = statisticsOf(Float32Array.from(uptake(still)))
    expect(showsObject({ centre: 60, width: 120, function: 'LINEAR' }, statistics)).toBe(false)
    expect(showsObject({ centre: 3.5, width: 7, function: 'LINEAR_EXACT' }, statistics)).toBe(true)
  })
})

describe('the first window', () => {
  it('leaves the background of an MR scan out', () => {
    const air = new Array(60_000).fill(0)
    const { range, likeCt, integers } = statisticsOf(
      Int16Array.from([...air, ...normal(40_000, 600, 100)]),
    )
    expect(range.lower).toBeGreaterThan(250)
    expect(range.lower).toBeLessThan(450)
    expect(range.upper).toBeGreaterThan(750)
    expect(range.upper).toBeLessThan(950)
    expect([likeCt, integers]).toEqual([false, true])
  })

  it('leaves air, lung and padding of a CT out', () => {
    const air = normal(50_000, -1000, 5)
    const padding = new Array(20_000).fill(-2000)
    const tissue = normal(30_000, 40, 30)
    const { range, likeCt } = statisticsOf(Int16Array.from([...padding, ...air, ...tissue]))
    expect(likeCt).toBe(true)
    expect(range.lower).toBeGreaterThan(-150)
    expect(range.upper).toBeLessThan(200)
  })

  it('is not fooled by single bright voxels', () => {
    const values = Float32Array.from([...normal(50_000, 500, 50).map((n) => n / 1000), 1e6, NaN])
    const { range, integers } = statisticsOf(values)
    expect(range.upper).toBeLessThan(0.8)
    expect(integers).toBe(false)
  })

  it('is for CT where the file states a CT, whatever the values', () => {
    const resampled = Float32Array.from(normal(1000, 40, 30).map((n) => n + 0.25))
    expect(statisticsOf(resampled).likeCt).toBe(false)
    expect(statisticsOf(resampled, 1, 0, true).likeCt).toBe(true)
  })

  it('is not the one of the file if that shows almost nothing', () => {
    const shows = (centre: number, width: number, range: Range): boolean =>
      showsObject({ centre, width }, { integers: true, likeCt: false, range })
    expect(shows(470, 950, { lower: 8, upper: 98 })).toBe(false) // nearly all black
    expect(shows(470, 950, { lower: 53, upper: 1235 })).toBe(true)
    expect(shows(40, 80, { lower: -400, upper: 1500 })).toBe(true) // narrow is what readers want
    expect(shows(-600, 200, { lower: 0, upper: 100 })).toBe(false) // all white
    expect(shows(2000, 400, { lower: 0, upper: 100 })).toBe(false) // all black
    expect(shows(50, 1, { lower: 0, upper: 100 })).toBe(true) // a threshold
  })

  it('uses the values that are meant', () => {
    const stored = Uint16Array.from(normal(1000, 1040, 30))
    expect(statisticsOf(stored, 1, -1024).range.upper).toBeLessThan(150)
  })

  it('exists for a scan of one value, and of none', () => {
    const { range } = statisticsOf(new Uint8Array(100).fill(7))
    expect(range.upper).toBeGreaterThan(range.lower)
    expect(statisticsOf(Float32Array.of(NaN)).range.upper).toBe(1)
  })
})

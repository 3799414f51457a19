import { beforeEach, describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import type { At, DrawingSurface, StoredSlice } from '../viewer/port'
import { BRUSH, ERASER } from './brush'
import { BrushSettings } from './brush_settings'
import { Editor } from './editor'
import { FILL } from './fill_tool'
import type { LabelVolume } from './labels'
import { overText } from './nothing'
import { volumeOf } from './operations/pictures'
import { REGION } from './region_tool'
import { depths, SCISSORS } from './scissors_tool'
import { THRESHOLD } from './threshold_tool'
import type { Context, Spot, Tool } from './tool'
import { TOOLS } from './tools'

const ZOOM = 20 // CSS pixels of a voxel

/** A pane that shows a slice along the last axis. */
function surface(index: number): DrawingSurface & { stored: StoredSlice } {
  const stored = {
    axis: 2,
    index,
    next: 1,
    scale: 1 / ZOOM,
    toVoxel: ({ x, y }: At): Point => [x / ZOOM, y / ZOOM, index],
    toPixel: ([i, j]: Point): At => ({ x: i * ZOOM, y: j * ZOOM }),
  } as const
  return { plane: 'axial', root: ROOT, stored } as never
}
const ROOT = {} as HTMLElement

function spot(i: number, j: number, k = 0): Spot {
  const on = surface(k)
  return { surface: on, slice: on.stored, at: { x: i * ZOOM, y: j * ZOOM }, voxel: [i, j, k] }
}

let said: string[] = []
beforeEach(() => {
  said = []
})

function contextOf(volume: LabelVolume, values: number[] = []): Context {
  const later: Context['later'] = async () => false
  return {
    job: 'job',
    editor: new Editor(volume),
    volume,
    scan: { data: Int16Array.from(values), components: 1, slope: 1, intercept: 0 } as never,
    slot: 1,
    radius: 1,
    ball: false,
    unit: 'mm',
    free: true,
    spot: null,
    nameOf: String,
    say: (text) => said.push(text),
    redraw: () => {},
    later,
    aside: async () => false,
  }
}

function rows({ data, dims: [ni, nj] }: LabelVolume): string[] {
  return Array.from({ length: nj }, (_, j) => data.slice(j * ni, (j + 1) * ni).join(''))
}

it('tools have different names and keys', () => {
  for (const field of ['id', 'name', 'key'] as const) {
    expect(new Set(TOOLS.map((tool) => tool[field])).size).toBe(TOOLS.length)
  }
})

describe('a tool that changes nothing', () => {
  it.each([
    [null, [], []],
    [2, [], ['Brush: nothing changed. “Paint over” allows only label 2.']],
    [null, [3], ['Brush: nothing changed. Locked labels stay as they are.']],
  ])('says what is protected (only %s, locked %j)', (only, locked, told) => {
    const context = contextOf(volumeOf([['133', '333']]))
    context.nameOf = function (slot): string {
      return context === this ? `label ${slot}` : '' // a method of its object, as in the page
    }
    context.editor.protection = { only, locked: new Set(locked) }
    BRUSH.press!(context, spot(0, 0))
    BRUSH.release!(context, spot(0, 0))
    expect(said).toEqual(told)
    expect(context.editor.undo()).toBe(only === null && locked.length === 0 ? 'Brush' : null)
  })

  it('is no brush that changed a part of its voxels', () => {
    const context = contextOf(volumeOf([['022', '022']]))
    context.editor.protection = { only: 0, locked: new Set() }
    BRUSH.press!(context, spot(0, 0))
    BRUSH.release!(context, spot(0, 0))
    expect(rows(context.volume)).toEqual(['122', '122'])
    expect(said).toEqual([])
  })
})

describe('scissors', () => {
  const full = (): LabelVolume => volumeOf([Array(5).fill('11111'), Array(5).fill('11111')])
  it('erase what a line drawn by hand encloses', () => {
    const context = contextOf(full())
    SCISSORS.press!(context, spot(0.5, 0.5))
    SCISSORS.drag!(context, [spot(3.5, 0.5), spot(3.5, 3.5), spot(0.5, 3.5)])
    SCISSORS.release!(context, spot(0.5, 3.5))
    expect(rows(context.volume)).toEqual(['11111', '10001', '10001', '10001', '11111'])
    expect(context.editor.undo()).toBe('Scissors')
  })
  it('or between corners, closed by Enter, at the first or by a double click', () => {
    for (const last of [null, spot(0.6, 0.6), spot(0.5, 3.5)]) {
      const context = contextOf(full())
      for (const [i, j] of [
        [0.5, 0.5],
        [3.5, 0.5],
        [3.5, 3.5],
        [0.5, 3.5],
      ] as const) {
        SCISSORS.press!(context, spot(i, j))
        SCISSORS.release!(context, spot(i, j))
      }
      if (last === null) expect(SCISSORS.confirm!(context)).toBe(true)
      else SCISSORS.press!(context, last)
      expect(rows(context.volume)[2]).toBe('10001')
      expect(SCISSORS.cancel!(context)).toBe(false)
    }
  })
  it('begin anew on another slice, and enclose nothing with two corners', () => {
    const context = contextOf(full())
    SCISSORS.place!(context, spot(0, 0, 1))
    SCISSORS.place!(context, spot(0, 0, 0))
    SCISSORS.place!(context, spot(4, 0, 0))
    SCISSORS.confirm!(context)
    expect(said.at(-1)).toBe('Scissors: the line encloses nothing.')
    SCISSORS.place!(context, spot(0, 0, 0))
    expect(SCISSORS.cancel!(context)).toBe(true)
    expect(SCISSORS.confirm!(context)).toBe(false)
  })
})

it('the threshold brush paints values like those of its first place', () => {
  const volume = volumeOf([['......', '......']])
  const context = contextOf(volume, [10, 10, 10, 10, 90, 90, 10, 10, 11, 10, 90, 90])
  const wide = { ...context, radius: 2 }
  THRESHOLD.press!(wide, spot(1, 0))
  THRESHOLD.release!(wide, spot(1, 0))
  expect(rows(volume)).toEqual(['111100', '110000'])
  THRESHOLD.press!(wide, spot(0, 1))
  THRESHOLD.drag!(wide, [spot(5, 1)])
  THRESHOLD.release!(wide, spot(5, 1))
  expect(rows(volume)).toEqual(['111100', '111100'])
  expect(context.editor.undo()).toBe('Threshold')
  const broken = contextOf(volumeOf([['..']]), [])
  THRESHOLD.press!(broken, spot(1, 0))
  expect(said).toEqual(['The scan has no values here.'])
})

it('fill says what it did or why it did nothing, and ignores what is beside the scan', () => {
  const context = contextOf(volumeOf([['.2.', '...']]))
  FILL.press!(context, spot(0, 0))
  FILL.press!(context, spot(-3, 0))
  FILL.press!(context, spot(1.2, 0.4))
  FILL.press!(context, spot(1, 0))
  expect(rows(context.volume)).toEqual(['010', '000'])
  expect(said).toEqual([
    'Fill: no label encloses this area: it reaches the edge. Close its border first.',
    'Fill: 1 voxel filled, 17 % of the slice. Undo (Ctrl + Z) takes it back.',
    'Fill: the area has this label already.',
  ])
  const wide = contextOf(volumeOf([['22222222', '33333333']]))
  wide.editor.protection = { only: 3, locked: new Set() }
  FILL.press!(wide, spot(0, 0))
  expect(said.at(-1)).toContain('nothing changed')
  expect(wide.editor.undo()).toBeNull()
})

describe('beside the pointer', () => {
  const modeOf = (tool: Tool, ball: boolean, radius = 3): string | undefined =>
    tool.mode?.(
      { ...contextOf(volumeOf([['1'], ['1']])), ball, radius, nameOf: () => 'liver' },
      spot(0, 0),
    )

  it('stands what a tool would do that one might not expect', () => {
    expect(modeOf(SCISSORS, false)).toBe('erase liver')
    for (const tool of [BRUSH, ERASER, THRESHOLD, FILL, REGION]) {
      expect(modeOf(tool, true)).toContain('3D')
      expect(modeOf(tool, false)).toBe('')
    }
    expect([modeOf(BRUSH, true), modeOf(ERASER, true, 1), modeOf(BRUSH, true, 0.5)]).toEqual([
      '3D, ±3 slices',
      '3D, ±1 slice',
      '3D, one slice',
    ])
  })

  it('stands over what alone a tool may paint', () => {
    const { editor } = contextOf(volumeOf([['1']]))
    const nameOf = (slot: number): string => (slot === 0 ? 'background' : 'liver')
    expect(overText({ editor, nameOf })).toBe('')
    editor.protection = { only: 0, locked: new Set() }
    expect(overText({ editor, nameOf })).toBe('over background only')
  })
})

it('the depth of the scissors stands beside the pointer, and ends with the correction', () => {
  const mode = (settings: { beside: number; all: boolean }): [string, string] => {
    const context = { ...contextOf(volumeOf([['1'], ['1']])), nameOf: () => 'liver' }
    Object.assign(depths(context), settings)
    const next = { ...context, editor: new Editor(context.volume) }
    return [SCISSORS.mode!(context, spot(0, 0)), SCISSORS.mode!(next, spot(0, 0))]
  }
  expect(mode({ beside: 20, all: false })).toEqual(['erase liver, ±20 slices', 'erase liver'])
  expect(mode({ beside: 0, all: true })).toEqual(['erase liver, all slices', 'erase liver'])
})

it('a brush begins on the slice in each correction, whatever the last one used', () => {
  const events = { changed: () => {}, say: () => {} }
  const volume = volumeOf([['1'], ['1']])
  const first = new BrushSettings(volume, events)
  first.setBall(true)
  expect([first.ball, new BrushSettings(volume, events).ball]).toEqual([true, false])
})

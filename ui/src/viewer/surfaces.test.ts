import { expect, test } from 'vitest'
import type { Colour4 } from './legend'
import { groupsOf } from './surfaces'
import { moved } from './volume_presets'

const RED: Colour4 = [255, 0, 0, 255]
const BLUE: Colour4 = [0, 0, 255, 255]
const NONE: Colour4 = [0, 0, 0, 0]

test('labels have a surface each, numbered objects one for each colour', () => {
  const colours = [NONE, RED, BLUE, RED]
  expect([...groupsOf(colours, false).slice(0, 5)]).toEqual([0, 1, 2, 3, 0])
  expect([...groupsOf(colours, true).slice(0, 5)]).toEqual([0, 1, 2, 1, 0])
})

test('a preset is moved to the values of a scan, with its colours', () => {
  expect(moved('8 0 0.5 1 0 20 0.5 1 0', 4, (value) => value * 10)).toBe('8 0 0.5 1 0 200 0.5 1 0')
  expect(moved('4 20 0 220 1', 2, (value) => value - 20)).toBe('4 0 0 200 1')
})

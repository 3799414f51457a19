import { expect, test } from 'vitest'
import { isSingle, PAIRS, panesOf, viewNamed } from './panes'

test('each view shows its panes', () => {
  expect(panesOf('planes')).toEqual(['axial', 'coronal', 'sagittal'])
  expect(panesOf('four')).toEqual(['axial', 'coronal', 'sagittal', 'volume'])
  expect(panesOf('coronal+volume')).toEqual(['coronal', 'volume'])
  expect(panesOf('volume')).toEqual(['volume'])
  expect(isSingle('sagittal')).toBe(true)
  expect(isSingle('axial+coronal')).toBe(false)
})

test('a remembered view that no longer exists is the three planes', () => {
  for (const [pair] of PAIRS) expect(viewNamed(pair)).toBe(pair)
  expect(viewNamed('render')).toBe('planes')
  expect(viewNamed('four')).toBe('four')
})

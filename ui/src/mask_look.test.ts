import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { hiddenText, keepLook, type MaskLook, recallLook, styleOf } from './mask_look'

const stored = new Map<string, string>()
const both: MaskLook = { shown: true, filled: true, outline: true, opacity: 40 }

beforeEach(() => {
  stored.clear()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  })
})

afterEach(() => void vi.unstubAllGlobals())

it.each([
  [{}, ''],
  [{ filled: false }, ''],
  [{ outline: false }, ''],
  [{ shown: false }, 'M shows it'],
  [{ filled: false, outline: false }, 'F or O shows it'],
  [{ outline: false, opacity: 0 }, '] or O shows it'],
])('says when nothing is seen of a mask: %j', (change, expected) => {
  const text = hiddenText({ ...both, ...change })
  if (expected === '') expect(text).toBe('')
  else expect(text).toContain(expected)
})

it('keeps how masks are drawn, but not that they are hidden', () => {
  const outlined = { ...both, filled: false }
  keepLook(outlined)
  for (const change of [{ outline: false }, { shown: false }]) {
    keepLook({ ...outlined, ...change })
    expect(recallLook()).toEqual(outlined)
  }
  expect(styleOf(recallLook())).toEqual({ visible: true, fill: 0, outline: true })
})

it('draws outlines where areas alone were kept and another view took their opacity', () => {
  keepLook({ ...both, outline: false })
  stored.set('tessera.opacity', '0')
  expect(hiddenText(recallLook())).toBe('')
})

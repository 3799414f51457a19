import { describe, expect, it } from 'vitest'
import type { Model } from '../schemas'
import { hex, Legend, OBJECT_COLOURS, rgb } from './legend'

const model = (changes: Partial<Model>): Model =>
  ({ labels: [], instances: false, ...changes }) as Model

describe('legend', () => {
  it('keeps colours through hexadecimal text', () => {
    for (const colour of OBJECT_COLOURS) expect(rgb(hex(colour))).toEqual(colour)
  })

  it('gives numbered objects that follow one another different colours', () => {
    const legend = new Legend(
      model({ instances: true, labels: [{ value: 1, name: 'cell', color: '#ff0000' }] }),
    )
    const colours = [1, 2, 3, 4, 300, 301].map((value) => hex(legend.colourOf(value)))
    for (let n = 1; n < colours.length; n++) expect(colours[n]).not.toBe(colours[n - 1])
    expect(legend.nameOf(70_000)).toBe('cell 70000')
  })

  it('shows a value that the model does not list', () => {
    const legend = new Legend(model({ labels: [{ value: 5, name: 'liver', color: '#123456' }] }))
    const slots = legend.slotsOf([0, 5, 9])
    expect(slots[0]).toBe(0)
    expect(new Set(slots).size).toBe(3)
    expect(hex(legend.colourOf(5))).toBe('#123456')
    expect(legend.nameOf(9)).toBe('label 9')
  })

  it('hides and shows a label', () => {
    const legend = new Legend(model({ labels: [{ value: 5, name: 'liver', color: '#123456' }] }))
    legend.slotsOf([0, 5])
    legend.show(5, false)
    expect(legend.colours()[1]![3]).toBe(0)
    legend.show(5, true)
    expect(legend.colours()[1]![3]).toBe(255)
  })

  it('keeps the outline of a label without an area', () => {
    const legend = new Legend(model({ labels: [{ value: 5, name: 'liver', color: '#123456' }] }))
    legend.slotsOf([5])
    legend.setOpacity(5, 0)
    expect(legend.colours()[1]![3]).toBe(1) // 0 hides a label with its outline
  })

  it('gives each label a byte where the mask has up to 254, and no slot is empty above', () => {
    const legend = new Legend(model({ labels: [] }))
    const values = Array.from({ length: 300 }, (_, n) => 1000 + n)
    const slots = legend.slotsOf([0, ...values])
    expect(new Set(slots.subarray(0, 255)).size).toBe(255)
    expect(slots.subarray(256).every((slot) => slot === 255)).toBe(true)
    expect(legend.colours()).toHaveLength(256)
  })
})

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
    legend.show(5, false)
    expect(legend.visible(5)).toBe(false)
    legend.show(5, true)
    expect(legend.visible(5)).toBe(true)
  })
})

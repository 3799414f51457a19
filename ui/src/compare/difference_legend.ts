/** The colours of comparisons: of the kinds of differences, and of labels that mean the same. */

import type { Comparison, Label, Model } from '../schemas'
import { hex, Legend } from '../viewer/legend'
import { ONLY_A, ONLY_B, OTHER, SAME } from './mask_difference'

/**
 * Colours that readers with any kind of colour vision tell apart (Okabe and Ito 2008, "Color
 * Universal Design"); they differ in lightness, too. What agrees is grey.
 */
export const KINDS: (Label & { count: (found: Comparison) => number })[] = [
  { value: ONLY_A, name: 'Only in A', color: '#e69f00', count: (found) => found.only_first },
  { value: ONLY_B, name: 'Only in B', color: '#56b4e9', count: (found) => found.only_second },
  { value: OTHER, name: 'Different label', color: '#f0e442', count: (found) => found.other_label },
  { value: SAME, name: 'Same in both', color: '#8a8a8a', count: (found) => found.agreement },
]

export function differenceLegend(): Legend {
  return new Legend(modelOf(KINDS, false))
}

/** The legend of the second mask: labels that mean the same as one of the first have its colour. */
export function matchedLegend(model: Model, first: Legend, found: Comparison | null): Legend {
  if (found === null || found.objects || model.instances) return new Legend(model)
  const known = new Set(first.labels.map(({ value }) => value))
  const labels = model.labels.map((label) => {
    const value = found.renumbered[label.value] ?? label.value
    return known.has(value) ? { ...label, color: hex(first.colourOf(value)) } : label
  })
  return new Legend({ ...model, labels })
}

function modelOf(labels: Label[], instances: boolean): Model {
  return {
    name: '',
    version: '',
    title: '',
    description: '',
    dimension: 3,
    channels: [],
    labels,
    instances,
    exact: true,
    licence: '',
    intended_use: '',
  }
}

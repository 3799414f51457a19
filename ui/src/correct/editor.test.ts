import { describe, expect, it } from 'vitest'
import type { Point } from '../schemas'
import { Editor } from './editor'
import { type Edit, type LabelVolume, Runs, voxelAt } from './labels'
import type { Change } from './writing'

const DIMS: Point = [5, 4, 3]

function volumeOf(fill: (index: number) => number = () => 0): LabelVolume {
  return {
    data: Uint8Array.from({ length: 60 }, (_, n) => fill(n)),
    dims: DIMS,
    spacing: [1, 1, 1],
  }
}

function edit(slot: number, ...runs: number[]): Edit {
  return { slot, runs: Uint32Array.from(runs) }
}

/** The same numbers in every run of the tests. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32
    return Math.floor((state / 2 ** 32) * below)
  }
}

function randomEdit(random: (below: number) => number): Edit {
  const runs = new Runs()
  for (let at = random(20); at < 60; at += 1 + random(20)) {
    const length = Math.min(60 - at, 1 + random(12))
    runs.add(at, length)
    at += length
  }
  return { slot: random(4), runs: runs.toArray() }
}

describe('editor', () => {
  it('changes voxels, and says which slices and labels changed', () => {
    const editor = new Editor(volumeOf((n) => (n === 22 ? 2 : 0)))
    const changes: Change[] = []
    editor.listen((change) => changes.push(change))
    expect(editor.apply([edit(1, 21, 3, 40, 1)], 'Brush')).toBe(true)
    expect(changes.map((one) => ({ ...one, runs: [...one.runs] }))).toEqual([
      { runs: [21, 3, 1, 40, 1, 1], slices: [1, 2], slots: [0, 1, 2] },
    ])
    expect([...editor.volume.data.subarray(20, 25)]).toEqual([0, 1, 1, 1, 0])
    expect([...editor.counts.subarray(0, 3)]).toEqual([56, 4, 0])
  })

  it('does not count a step that changes nothing', () => {
    const editor = new Editor(volumeOf(() => 1))
    expect(editor.apply([edit(1, 0, 60)], 'Brush')).toBe(false)
    expect(editor.undoable).toBeNull()
  })

  it('keeps locked labels, and those that are not to be changed', () => {
    const editor = new Editor(volumeOf((n) => n % 4))
    editor.protection = { locked: new Set([2]), only: null }
    editor.apply([edit(1, 0, 8)], 'Brush')
    expect([...editor.volume.data.subarray(0, 8)]).toEqual([1, 1, 2, 1, 1, 1, 2, 1])
    expect(editor.apply([edit(2, 0, 60)], 'Brush')).toBe(false)
    editor.protection = { locked: new Set([2]), only: 3 }
    editor.apply([edit(0, 8, 8)], 'Eraser')
    expect([...editor.volume.data.subarray(8, 16)]).toEqual([0, 1, 2, 0, 0, 1, 2, 0])
  })

  it('undoes and repeats a growing step as one, also over itself', () => {
    const volume = volumeOf((n) => n % 3)
    const first = volume.data.slice()
    const editor = new Editor(volume)
    editor.begin('Stroke')
    editor.extend([edit(1, 0, 10)])
    editor.extend([edit(2, 5, 10), edit(3, 7, 2)])
    editor.end()
    const last = volume.data.slice()
    expect(editor.undo()).toBe('Stroke')
    expect(volume.data).toEqual(first)
    expect(editor.redo()).toBe('Stroke')
    expect(volume.data).toEqual(last)
  })

  it('takes a step back that is cancelled', () => {
    const editor = new Editor(volumeOf())
    editor.begin('Stroke')
    editor.extend([edit(1, 0, 10)])
    editor.cancel()
    expect(editor.counts[1]).toBe(0)
    expect(editor.undoable).toBeNull()
  })

  it('restores every earlier state byte for byte, and its runs repeat it elsewhere', () => {
    const random = randomNumbers(7)
    const volume = volumeOf(() => random(4))
    const copy = { ...volume, data: volume.data.slice() }
    const editor = new Editor(volume)
    const sent: Uint32Array[] = []
    editor.listen(({ runs }) => sent.push(runs))
    const states = [volume.data.slice()]
    for (let n = 0; n < 200; n++) {
      const locked = new Set([random(8)])
      editor.protection = { locked, only: random(3) === 0 ? random(4) : null }
      if (editor.apply([randomEdit(random), randomEdit(random)], `${n}`)) {
        states.push(volume.data.slice())
      }
    }
    for (let n = states.length - 2; n >= 0; n--) {
      editor.undo()
      expect(volume.data).toEqual(states[n])
    }
    expect(editor.undo()).toBeNull()
    expect(editor.difference.any).toBe(false)
    for (const state of states.slice(1)) {
      editor.redo()
      expect(volume.data).toEqual(state)
    }
    const other = new Editor(copy)
    for (const runs of sent) other.restore(runs)
    expect(other.volume.data).toEqual(volume.data)
    expect(other.counts).toEqual(editor.counts)
    expect(other.undoable).toBeNull()
  })
})

describe('difference', () => {
  it('knows the slices that differ along each axis, and the slots before', () => {
    const editor = new Editor(volumeOf((n) => (n === 21 ? 2 : 0)))
    const { difference } = editor
    editor.apply([edit(1, 21, 2)], 'Brush') // (1, 0, 1) and (2, 0, 1)
    editor.apply([edit(1, 59, 1)], 'Brush') // (4, 3, 2)
    expect([0, 1, 2, 3].map((i) => difference.next(0, i, 1))).toEqual([1, 2, 4, 4])
    expect(difference.next(1, 0, -1)).toBe(3)
    expect(difference.next(2, 2, 1)).toBe(1)
    expect([difference.before(21), difference.before(22), difference.before(0)]).toEqual([2, 0, 0])
    editor.apply([edit(2, 21, 1)], 'Brush') // as before
    expect(difference.next(0, 4, 1)).toBe(2)
    expect(difference.slices).toEqual([1, 2])
    editor.undo()
    editor.undo()
    editor.undo()
    expect(difference.next(2, 0, 1)).toBeNull()
  })
})

describe('runs', () => {
  it('joins runs that touch, and leaves out empty ones', () => {
    const runs = new Runs()
    for (const [start, length] of [
      [1, 2],
      [3, 0],
      [3, 4],
      [9, 1],
    ] as const)
      runs.add(start, length)
    expect([...runs.toArray()]).toEqual([1, 6, 9, 1])
    expect([...new Runs().toArray()]).toEqual([])
  })

  it('finds voxels', () => {
    expect(voxelAt(59, DIMS)).toEqual([4, 3, 2])
    expect(voxelAt(21, DIMS)).toEqual([1, 0, 1])
  })
})

/** Makes the surfaces of a mask in a thread of its own, one after the other. */

import { boxesOf, type Labels, type Placement, type Surface, surfaceOf } from './surface_maker'

export interface Order {
  labels: Labels
  placement: Placement
}

/** A surface, or how many there were: the end. */
export type Answer = Surface | { count: number }

const MOST_CELLS = 2 ** 23 // of all surfaces together
const CELLS_OF_ONE = 2 ** 21
const FEWEST_CELLS = 2 ** 15

console.time = console.timeEnd = () => undefined // vtk.js reports times to the console

self.onmessage = ({ data: { labels, placement } }: MessageEvent<Order>) => {
  const boxes = boxesOf(labels)
  const most = Math.max(FEWEST_CELLS, Math.min(CELLS_OF_ONE, MOST_CELLS / boxes.size))
  for (const [group, box] of boxes) {
    const surface = surfaceOf(labels, group, box, placement, most)
    const transfer = [surface.points.buffer, surface.normals.buffer, surface.polys.buffer]
    send(surface, transfer as ArrayBuffer[])
  }
  send({ count: boxes.size }, [])
}

function send(answer: Answer, transfer: ArrayBuffer[]): void {
  self.postMessage(answer, { transfer })
}

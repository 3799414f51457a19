/** Change sets as the gateway takes them: gzip of little-endian uint32 (start, length, value). */

export async function pack(runs: Uint32Array): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(4 * runs.length)
  const view = new DataView(bytes.buffer)
  for (const [n, number] of runs.entries()) view.setUint32(4 * n, number, true)
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}

/** `bytes`: without gzip. */
export function read(bytes: ArrayBuffer): Uint32Array {
  const view = new DataView(bytes)
  return Uint32Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, n) =>
    view.getUint32(4 * n, true),
  )
}

/** Runs whose third number is another one: values of the mask for slots, or slots for values. */
export function translated(runs: Uint32Array, to: (number: number) => number): Uint32Array {
  return runs.map((number, n) => (n % 3 === 2 ? to(number) : number))
}

/** One list of several. */
export function concatenated(lists: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(lists.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const one of lists) {
    all.set(one, at)
    at += one.length
  }
  return all
}

/** A fingerprint of files: the same files have it again after the page was reloaded. */

const SAMPLE_BYTES = 16_384
const PRIME = 2_147_483_647
const FACTORS = [65_599, 1_048_573] as const

/**
 * Hexadecimal, of the names, sizes and times of change, and of the beginning and end of each file:
 * folders of a study often hold files of the same name and size. It does not reveal the names.
 */
export async function filePrint(files: File[]): Promise<string> {
  const sums = FACTORS.map(() => 1)
  const add = (bytes: Uint8Array): void => {
    for (const byte of bytes) {
      for (const [n, factor] of FACTORS.entries()) sums[n] = (sums[n]! * factor + byte + 1) % PRIME
    }
  }
  for (const file of files) {
    const facts = [file.webkitRelativePath || file.name, file.size, file.lastModified]
    add(new TextEncoder().encode(JSON.stringify(facts)))
    add(await bytesOf(file.slice(0, SAMPLE_BYTES)))
    add(await bytesOf(file.slice(Math.max(0, file.size - SAMPLE_BYTES))))
  }
  return sums.map((sum) => sum.toString(16).padStart(8, '0')).join('')
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer())
}

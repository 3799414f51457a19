/**
 * Several files as one tar (POSIX.1-1988, ustar), so that they are one upload that can be resumed.
 *
 * The archive is a blob made of the files: the browser reads them only when they are sent. The same
 * files give the same bytes.
 */

const BLOCK = 512
const MOST_NAME_BYTES = 100
const MOST_OCTAL_SIZE = 8 ** 11
const encoder = new TextEncoder()

export function tarOf(files: File[]): Blob {
  const names = entryNames(files.map((file) => file.name))
  const parts = files.flatMap((file, n) => [
    entryHeader(names[n]!, file.size),
    file,
    padding(file.size),
  ])
  return new Blob([...parts, new Uint8Array(2 * BLOCK)])
}

/** A different name for each file, each short enough for the header. */
export function entryNames(names: string[]): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return names.map((name, n) => {
    const short = encoder.encode(name).length > MOST_NAME_BYTES - 10 ? name.slice(-22) : name
    return short === name && counts.get(name) === 1 ? name : `${n}/${short}`
  })
}

export function entryHeader(name: string, size: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK)
  const text = (at: number, value: string): void => block.set(encoder.encode(value), at)
  text(0, name)
  text(100, '0000644\0')
  text(108, '0000000\0')
  text(116, '0000000\0')
  if (size < MOST_OCTAL_SIZE) text(124, `${octal(size, 11)}\0`)
  else base256(block.subarray(124, 136), size)
  text(136, `${octal(0, 11)}\0`)
  text(148, ' '.repeat(8)) // the checksum is computed with spaces in its place
  text(156, '0')
  text(257, 'ustar\x0000')
  const sum = block.reduce((total, byte) => total + byte, 0)
  text(148, `${octal(sum, 6)}\0 `)
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** GNU's form of sizes from 8 GiB on: big endian, with the first bit set. */
function base256(field: Uint8Array, size: number): void {
  let left = size
  for (let n = field.length - 1; n > 0; n--) {
    field[n] = left % 256
    left = Math.floor(left / 256)
  }
  field[0] = 0x80
}

function padding(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)
}

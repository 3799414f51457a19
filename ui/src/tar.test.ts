import { describe, expect, it } from 'vitest'
import { entryHeader, entryNames, tarOf } from './tar'

const file = (name: string, bytes: number): File => new File([new Uint8Array(bytes).fill(7)], name)

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer())
}

/** The text of a header's field up to the first NUL. */
function field(bytes: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(bytes.slice(at, at + length)).split('\0')[0]!
}

describe('tar', () => {
  it('has a header, the content and padding for each file, and two empty blocks', async () => {
    const bytes = await bytesOf(tarOf([file('a.dcm', 700), file('b.dcm', 512)]))
    expect(bytes.length).toBe(512 + 1024 + 512 + 512 + 1024)
    expect(field(bytes, 0, 100)).toBe('a.dcm')
    expect(Number.parseInt(field(bytes, 124, 12), 8)).toBe(700)
    expect(field(bytes, 257, 6)).toBe('ustar')
    expect(bytes.slice(512, 512 + 700).every((byte) => byte === 7)).toBe(true)
    expect(bytes.slice(512 + 700, 1536).every((byte) => byte === 0)).toBe(true)
    expect(field(bytes, 1536, 100)).toBe('b.dcm')
  })

  it('sums the header with spaces in place of the sum', async () => {
    const bytes = (await bytesOf(tarOf([file('a', 1)]))).slice(0, 512)
    const stated = Number.parseInt(field(bytes, 148, 8), 8)
    bytes.fill(32, 148, 156)
    expect(bytes.reduce((sum, byte) => sum + byte, 0)).toBe(stated)
  })

  it('writes sizes from 8 GiB on in base 256', () => {
    const field = entryHeader('a', 9 * 2 ** 30).slice(124, 136)
    expect([...field]).toEqual([0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0, 0, 0])
  })

  it('gives files of one name different names, and keeps others', () => {
    expect(entryNames(['IM1', 'IM1', 't1.hdr'])).toEqual(['0/IM1', '1/IM1', 't1.hdr'])
    const [long] = entryNames([`${'ü'.repeat(90)}.img`])
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(100)
    expect(long!.endsWith('.img')).toBe(true)
  })
})

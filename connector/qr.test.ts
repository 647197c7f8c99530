import { crc32, inflateSync } from 'node:zlib'
import { encode } from 'uqr'
import { describe, expect, it } from 'vitest'
import { qrDataUrl } from './qr.ts'

interface Chunk {
  type: string
  data: Buffer
}

/** The chunks of a PNG whose lengths and checksums are right. */
const readChunks = (png: Buffer): Chunk[] => {
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])
  const chunks: Chunk[] = []
  let at = 8
  while (at < png.length) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 4, at + 8 + length)
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body))
    chunks.push({ type: body.toString('latin1', 0, 4), data: body.subarray(4) })
    at += 12 + length
  }
  return chunks
}

describe('qrDataUrl', () => {
  it.each(['https://max.ru/:auth/abc', 'x'.repeat(500)])('draws every module of %j', (text) => {
    const url = qrDataUrl(text)
    const prefix = 'data:image/png;base64,'
    expect(url.startsWith(prefix)).toBe(true)
    const chunks = readChunks(Buffer.from(url.slice(prefix.length), 'base64'))
    expect(chunks.map((chunk) => chunk.type)).toEqual(['IHDR', 'IDAT', 'IEND'])
    const [header, data] = chunks as [Chunk, Chunk]

    const matrix = encode(text, { ecc: 'M', border: 4 }).data
    const side = matrix.length * 8
    expect(header.data.readUInt32BE(0)).toBe(side)
    expect(header.data.readUInt32BE(4)).toBe(side)
    expect([...header.data.subarray(8)]).toEqual([1, 0, 0, 0, 0])

    const lines = inflateSync(data.data)
    const stride = 1 + side / 8
    expect(lines.length).toBe(stride * side)
    const isBlack = (x: number, y: number): boolean => {
      expect(lines[y * stride]).toBe(0)
      const byte = lines[y * stride + 1 + (x >> 3)] ?? 0
      return ((byte >> (7 - (x & 7))) & 1) === 0
    }
    const drawn = matrix.map((row, y) => row.map((_, x) => isBlack(x * 8 + 7, y * 8 + 7)))
    expect(drawn).toEqual(matrix)
    expect(matrix.map((row, y) => row.map((_, x) => isBlack(x * 8, y * 8)))).toEqual(matrix)
    expect(drawn[3]?.some(Boolean)).toBe(false)
    expect(drawn[4]?.slice(4, 11).every(Boolean)).toBe(true)
  })
})

import { crc32, deflateSync } from 'node:zlib'
import { encode } from 'uqr'
import { base64 } from '../schema/base64.ts'

/** Pixels per module, and the quiet zone in modules that the QR standard asks for. */
const MODULE_PIXELS = 8
const QUIET_MODULES = 4

/** A QR code as a PNG `data:` URL: 1-bit greyscale, so a few hundred bytes. */
export const qrDataUrl = (text: string): string => {
  const { data } = encode(text, { ecc: 'M', border: QUIET_MODULES })
  return `data:image/png;base64,${base64(monochromePng(data))}`
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** A square PNG of a matrix whose `true` cells are black. */
const monochromePng = (matrix: boolean[][]): Uint8Array => {
  const side = matrix.length * MODULE_PIXELS
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, side)
  view.setUint32(4, side)
  // Bit depth 1, colour type 0 (greyscale), then the only compression, filter and interlace methods.
  header.set([1, 0, 0, 0, 0], 8)
  const lines = matrix.flatMap((row) => Array<Uint8Array>(MODULE_PIXELS).fill(scanline(row)))
  return concat([
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(concat(lines))),
    chunk('IEND', new Uint8Array()),
  ])
}

/** Filter byte 0, then one bit per pixel where 1 is white. A module of 8 pixels is one whole byte. */
const scanline = (row: boolean[]): Uint8Array =>
  Uint8Array.from([0, ...row.map((black) => (black ? 0x00 : 0xff))])

/** Length, type, data, and the CRC of type and data. */
const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const body = concat([new TextEncoder().encode(type), data])
  return concat([uint32(data.length), body, uint32(crc32(body))])
}

const uint32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

const concat = (parts: Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

import { GatewayError } from '../../schema/errors.ts'

/** Characters that are decoded at a time; a multiple of four. */
const STEP = 48 * 1024

/**
 * Decodes base64 text in place: the result is the front of the same memory, so that a large file is
 * never there twice. Takes the standard and the URL alphabet, padding or none, and a `data:` prefix.
 * @param bytes ASCII, as it stands in the body; a JSON string may write `/` as `\/`
 * @throws {GatewayError} INVALID_INPUT
 */
export const decodeBase64 = (bytes: Uint8Array, field: string): Uint8Array => {
  const text = compact(bytes.subarray(afterPrefix(bytes, field)))
  let end = text.length
  while (end > 0 && text[end - 1] === EQUALS) end -= 1
  if (end % 4 === 1) throw invalid(field)
  let written = 0
  for (let at = 0; at < end; at += STEP) {
    const step = latin1(text.subarray(at, Math.min(at + STEP, end)))
    if (!/^[\w+/-]*$/.test(step)) throw invalid(field)
    const decoded = Buffer.from(step, 'base64')
    text.set(decoded, written)
    written += decoded.length
  }
  return text.subarray(0, written)
}

const EQUALS = 0x3d
const BACKSLASH = 0x5c

/** Behind `data:<type>;base64,`; at the start where there is none. */
const afterPrefix = (bytes: Uint8Array, field: string): number => {
  const start = latin1(bytes.subarray(0, 256))
  if (!/^\s*data:/i.test(start)) return 0
  const prefix = /^\s*data:[^,]*?;base64,/i.exec(start)?.[0]
  if (prefix === undefined) {
    throw new GatewayError('INVALID_INPUT', `${field}: expected a data: URL in base64`, { field })
  }
  return prefix.length
}

/** Without white space and the backslashes of JSON, moved together in place. */
const compact = (bytes: Uint8Array): Uint8Array => {
  let to = bytes.findIndex((byte) => byte <= 0x20 || byte === BACKSLASH)
  if (to < 0) return bytes
  for (let from = to; from < bytes.length; from += 1) {
    const byte = bytes[from] ?? 0
    // `\n` and `\r` inside of a string of JSON are line breaks of the base64.
    if (byte === BACKSLASH && (bytes[from + 1] === 0x6e || bytes[from + 1] === 0x72)) from += 1
    else if (byte > 0x20 && byte !== BACKSLASH) {
      bytes[to] = byte
      to += 1
    }
  }
  return bytes.subarray(0, to)
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

const invalid = (field: string): GatewayError =>
  new GatewayError('INVALID_INPUT', `${field}: not valid base64`, { field })

import { Int64, type WireValue } from '../schema/wire.ts'

/**
 * The writing half of MAX's MessagePack dialect (wire-and-auth.md §4.6). General libraries write large
 * Numbers as float64, which MAX refuses; here an integer is an integer, whatever its size.
 */

/** Extension type whose body is one wrapped MessagePack value. */
export const WRAPPED = 1

/** How {@link Int64} values are written. */
export interface EncodeOptions {
  /** `ids`: ids wrapped, times bare (a web client); `all`: both (the server); `none` (TLS TCP). */
  wrap: 'ids' | 'all' | 'none'
  /** `wide`: always the 8-byte form inside the wrapping, as the web client writes it. */
  width: 'wide' | 'shortest'
}

const utf8 = new TextEncoder()

/** Grows as needed; reused from call to call, so results are copied out. */
class Writer {
  bytes = new Uint8Array(1024)
  view = new DataView(this.bytes.buffer)
  at = 0

  reserve(count: number): void {
    const needed = this.at + count
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** A type byte followed by a big-endian unsigned number of `size` bytes. */
  tagged(tag: number, value: number, size: 1 | 2 | 4): void {
    this.reserve(1 + size)
    this.bytes[this.at++] = tag
    if (size === 1) this.view.setUint8(this.at, value)
    else if (size === 2) this.view.setUint16(this.at, value)
    else this.view.setUint32(this.at, value)
    this.at += size
  }

  tagged64(tag: number, value: bigint): void {
    this.reserve(9)
    this.bytes[this.at++] = tag
    this.view.setBigUint64(this.at, BigInt.asUintN(64, value))
    this.at += 8
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }
}

const writer = new Writer()

/**
 * Encodes one value. `undefined` fields are left out.
 * @throws {RangeError} for numbers that are not finite or not exact, and integers beyond 64 bits.
 */
export const encodeValue = (value: WireValue, options: EncodeOptions): Uint8Array<ArrayBuffer> => {
  writer.at = 0
  write(value, options)
  return writer.bytes.slice(0, writer.at)
}

const write = (value: WireValue, options: EncodeOptions): void => {
  switch (typeof value) {
    case 'string':
      return writeString(value)
    case 'number':
      return writeNumber(value)
    case 'bigint':
      return writeBigint(value)
    case 'boolean':
      return writer.byte(value ? 0xc3 : 0xc2)
    case 'undefined':
      return writer.byte(0xc0)
  }
  if (value === null) return writer.byte(0xc0)
  if (value instanceof Int64) return writeInt64(value, options)
  if (value instanceof Uint8Array) {
    writeLength(value.length, [0xc4, 0xc5, 0xc6])
    return writer.raw(value)
  }
  if (Array.isArray(value)) {
    if (value.length < 16) writer.byte(0x90 | value.length)
    else writeLength(value.length, [undefined, 0xdc, 0xdd])
    for (const item of value) write(item, options)
    return
  }
  const keys = Object.keys(value).filter((key) => value[key] !== undefined)
  if (keys.length < 16) writer.byte(0x80 | keys.length)
  else writeLength(keys.length, [undefined, 0xde, 0xdf])
  for (const key of keys) {
    writeString(key)
    write(value[key], options)
  }
}

const writeLength = (length: number, tags: [number | undefined, number, number]): void => {
  if (tags[0] !== undefined && length < 0x100) writer.tagged(tags[0], length, 1)
  else if (length < 0x10000) writer.tagged(tags[1], length, 2)
  else writer.tagged(tags[2], length, 4)
}

const writeString = (text: string): void => {
  // Three bytes a UTF-16 unit is the most UTF-8 takes; most strings here are short.
  writer.reserve(5 + text.length * 3)
  if (text.length < 11) {
    const { written } = utf8.encodeInto(text, writer.bytes.subarray(writer.at + 1))
    writer.bytes[writer.at] = 0xa0 | written
    writer.at += 1 + written
    return
  }
  const bytes = utf8.encode(text)
  if (bytes.length < 32) writer.byte(0xa0 | bytes.length)
  else writeLength(bytes.length, [0xd9, 0xda, 0xdb])
  writer.raw(bytes)
}

const writeNumber = (value: number): void => {
  if (!Number.isInteger(value)) {
    if (!Number.isFinite(value)) throw new RangeError('only finite numbers can be encoded')
    writer.reserve(9)
    writer.bytes[writer.at] = 0xcb
    writer.view.setFloat64(writer.at + 1, value)
    writer.at += 9
    return
  }
  if (!Number.isSafeInteger(value)) {
    throw new RangeError('an integer beyond 2^53 must be a bigint to be exact')
  }
  if (value >= 0) {
    if (value < 0x80) writer.byte(value)
    else if (value < 0x100) writer.tagged(0xcc, value, 1)
    else if (value < 0x10000) writer.tagged(0xcd, value, 2)
    else if (value < 0x100000000) writer.tagged(0xce, value, 4)
    else writer.tagged64(0xcf, BigInt(value))
    return
  }
  if (value >= -0x20) writer.byte(value & 0xff)
  else if (value >= -0x80) writer.tagged(0xd0, value & 0xff, 1)
  else if (value >= -0x8000) writer.tagged(0xd1, value & 0xffff, 2)
  else if (value >= -0x80000000) writer.tagged(0xd2, value >>> 0, 4)
  else writer.tagged64(0xd3, BigInt(value))
}

const isSafe = (value: bigint): boolean =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)

const writeBigint = (value: bigint): void => {
  if (isSafe(value)) writeNumber(Number(value))
  else writeWide(value)
}

/** The 8-byte form, whatever the size of the number. */
const writeWide = (value: bigint): void => {
  if (value >= 0n && value < 1n << 64n) writer.tagged64(0xcf, value)
  else if (value < 0n && value >= -(1n << 63n)) writer.tagged64(0xd3, value)
  else throw new RangeError('the integer does not fit 64 bits')
}

const writeInt64 = (int: Int64, options: EncodeOptions): void => {
  if (options.wrap === 'none' || (options.wrap === 'ids' && int.kind === 'time')) {
    return writeBigint(int.value)
  }
  if (options.width === 'wide') {
    writer.tagged(0xc7, 9, 1)
    writer.byte(WRAPPED)
    return writeWide(int.value)
  }
  const start = writer.at
  writeBigint(int.value)
  const body = writer.bytes.slice(start, writer.at)
  writer.at = start
  // fixext exists for 1, 2, 4, 8 and 16 bytes; an integer's body has 1, 2, 3, 5 or 9.
  if (body.length === 1) writer.byte(0xd4)
  else if (body.length === 2) writer.byte(0xd5)
  else writer.tagged(0xc7, body.length, 1)
  writer.byte(WRAPPED)
  writer.raw(body)
}

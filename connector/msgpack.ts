import { Int64, Limit, type WireMap, type WireValue } from '../schema/wire.ts'
import { FrameError } from './frame-error.ts'

/**
 * MAX's dialect of MessagePack (wire-and-auth.md §4.6). General libraries either round 64-bit integers
 * or write large Numbers as float64, which MAX refuses; here an integer is an integer both ways.
 */

/** Extension type whose body is one wrapped MessagePack value. */
const WRAPPED = 1
/** A payload of more values than this is an attack, not a chat list. */
const MAX_VALUES = 1_000_000

/** How {@link Int64} values are written. */
export interface EncodeOptions {
  /** `ids`: ids wrapped, times bare (a web client); `all`: both (the server); `none` (TLS TCP). */
  wrap: 'ids' | 'all' | 'none'
  /** `wide`: always the 8-byte form inside the wrapping, as the web client writes it. */
  width: 'wide' | 'shortest'
}
export interface DecodeOptions {
  /** `refuse`: a float64 that holds an integer is a {@link FrameError}, as the live server has it. */
  floats: 'accept' | 'refuse'
}

const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder()

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

/**
 * Decodes the first value of `bytes`; a second one behind it is ignored (§4.1).
 * Wrapped integers come out bare, map keys as strings, other extensions as their bytes.
 * @throws {FrameError} for everything else that `bytes` may hold.
 */
export const decodeValue = (bytes: Uint8Array, options: DecodeOptions): WireValue =>
  new Reader(bytes, options).value(0)

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #refuseFloats: boolean
  #at = 0
  #values = 0

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#refuseFloats = options.floats === 'refuse'
  }

  value(depth: number): WireValue {
    if (depth > Limit.maxDepth) throw new FrameError('malformed', 'payload is nested too deeply')
    this.#values += 1
    if (this.#values > MAX_VALUES) throw new FrameError('too_large', 'payload has too many values')
    const tag = this.#uint8()
    if (tag < 0x80) return tag
    if (tag < 0x90) return this.#map(tag & 15, depth)
    if (tag < 0xa0) return this.#array(tag & 15, depth)
    if (tag < 0xc0) return this.#string(tag & 31)
    if (tag >= 0xe0) return tag - 0x100
    switch (tag) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#binary(this.#uint8())
      case 0xc5:
        return this.#binary(this.#uint16())
      case 0xc6:
        return this.#binary(this.#uint32())
      case 0xc7:
        return this.#extension(this.#uint8(), depth)
      case 0xc8:
        return this.#extension(this.#uint16(), depth)
      case 0xc9:
        return this.#extension(this.#uint32(), depth)
      case 0xca:
        return this.#float(this.#view.getFloat32(this.#take(4)))
      case 0xcb:
        return this.#float(this.#view.getFloat64(this.#take(8)))
      case 0xcc:
        return this.#uint8()
      case 0xcd:
        return this.#uint16()
      case 0xce:
        return this.#uint32()
      case 0xcf:
        return this.#int64(false)
      case 0xd0:
        return this.#view.getInt8(this.#take(1))
      case 0xd1:
        return this.#view.getInt16(this.#take(2))
      case 0xd2:
        return this.#view.getInt32(this.#take(4))
      case 0xd3:
        return this.#int64(true)
      case 0xd4:
        return this.#extension(1, depth)
      case 0xd5:
        return this.#extension(2, depth)
      case 0xd6:
        return this.#extension(4, depth)
      case 0xd7:
        return this.#extension(8, depth)
      case 0xd8:
        return this.#extension(16, depth)
      case 0xd9:
        return this.#string(this.#uint8())
      case 0xda:
        return this.#string(this.#uint16())
      case 0xdb:
        return this.#string(this.#uint32())
      case 0xdc:
        return this.#array(this.#uint16(), depth)
      case 0xdd:
        return this.#array(this.#uint32(), depth)
      case 0xde:
        return this.#map(this.#uint16(), depth)
      case 0xdf:
        return this.#map(this.#uint32(), depth)
      default:
        throw new FrameError('malformed', `payload has the unassigned type byte ${tag}`)
    }
  }

  /** Position of the next `count` bytes, which are thereby used up. */
  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw new FrameError('truncated', 'payload ends early')
    this.#at = at + count
    return at
  }

  #uint8(): number {
    return this.#bytes[this.#take(1)] as number
  }
  #uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }
  #uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** A number when that is exact, a bigint otherwise. */
  #int64(signed: boolean): number | bigint {
    const at = this.#take(8)
    const high = signed ? this.#view.getInt32(at) : this.#view.getUint32(at)
    if (high >= -0x200000 && high < 0x200000) {
      const value = high * 0x100000000 + this.#view.getUint32(at + 4)
      if (Number.isSafeInteger(value)) return value
    }
    return signed ? this.#view.getBigInt64(at) : this.#view.getBigUint64(at)
  }

  #float(value: number): number {
    if (this.#refuseFloats && Number.isInteger(value)) {
      throw new FrameError('float', 'an integer was sent as a float')
    }
    return value
  }

  #string(length: number): string {
    const at = this.#take(length)
    if (length < 24) {
      let text = ''
      for (let i = at; i < at + length; i += 1) {
        const byte = this.#bytes[i] as number
        if (byte > 127) return fromUtf8.decode(this.#bytes.subarray(at, at + length))
        text += String.fromCharCode(byte)
      }
      return text
    }
    return fromUtf8.decode(this.#bytes.subarray(at, at + length))
  }

  #binary(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }

  #extension(length: number, depth: number): WireValue {
    const type = this.#uint8()
    const end = this.#at + length
    if (type !== WRAPPED) return this.#binary(length)
    const inner = this.value(depth + 1)
    if (this.#at > end)
      throw new FrameError('malformed', 'a wrapped value is longer than announced')
    this.#at = end
    return inner
  }

  #array(length: number, depth: number): WireValue[] {
    this.#checkCount(length)
    const items: WireValue[] = []
    for (let i = 0; i < length; i += 1) items.push(this.value(depth + 1))
    return items
  }

  #map(length: number, depth: number): WireMap {
    this.#checkCount(length * 2)
    const map: WireMap = {}
    for (let i = 0; i < length; i += 1) {
      const key = this.#key(depth)
      const value = this.value(depth + 1)
      if (key === '__proto__') {
        Object.defineProperty(map, key, { value, enumerable: true, configurable: true })
      } else {
        map[key] = value
      }
    }
    return map
  }

  /** Keys may be strings, integers or wrapped integers; applications see strings (§4.6). */
  #key(depth: number): string {
    const key = this.value(depth + 1)
    if (typeof key === 'string') return key
    if (typeof key === 'number' || typeof key === 'bigint') return key.toString()
    throw new FrameError('malformed', 'a map key is neither text nor an integer')
  }

  /** A count of more values than there are bytes is a lie; refuse before looping over it. */
  #checkCount(count: number): void {
    if (count > this.#bytes.length - this.#at) {
      throw new FrameError('truncated', 'payload ends early')
    }
  }
}

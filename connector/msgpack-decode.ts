import { Limit, type WireMap, type WireValue } from '../schema/wire.ts'
import { FrameError } from './frame-error.ts'
import { WRAPPED } from './msgpack-encode.ts'

/**
 * The reading half of MAX's MessagePack dialect (wire-and-auth.md §4.6). General libraries round 64-bit
 * integers or make a bigint of each; here an integer is a number where that is exact.
 */

/** A payload of more values than this is an attack, not a chat list. */
const MAX_VALUES = 1_000_000

export interface DecodeOptions {
  /** `refuse`: a float64 that holds an integer is a {@link FrameError}, as the live server has it. */
  floats: 'accept' | 'refuse'
}

const fromUtf8 = new TextDecoder()

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

import { parseJson, stringifyWireJson } from '../schema/json.ts'
import {
  BINARY_VERSION,
  type Frame,
  isWireMap,
  JSON_VERSION,
  Limit,
  type WireValue,
} from '../schema/wire.ts'
import { FrameError } from './frame-error.ts'
import { lz4Compress, lz4Decompress } from './lz4.ts'
import { decodeValue } from './msgpack-decode.ts'
import { type EncodeOptions, encodeValue } from './msgpack-encode.ts'

export { FrameError, type FrameErrorCode } from './frame-error.ts'

/**
 * `binary`: v10 over WebSocket; `tcp`: v10 over TLS TCP, which sends 64-bit integers bare;
 * `json`: v11 over WebSocket (wire-and-auth.md §2).
 */
export type Encoding = 'binary' | 'json' | 'tcp'

/** Frames to bytes or text and back. `decode` throws nothing but {@link FrameError}. */
export interface FrameCodec {
  readonly encoding: Encoding
  encode(frame: Omit<Frame, 'ver'>): Uint8Array<ArrayBuffer> | string
  decode(data: Uint8Array | string): Frame
}

export interface CodecOptions {
  encoding: Encoding
  side: 'client' | 'server'
  /** Compress bodies of 32 bytes and more when that makes them smaller. Default true. */
  compress?: boolean
  floats?: 'accept' | 'refuse'
}

export const HEADER_BYTES = 10
/** Smallest body that is compressed; the web client's threshold (§4.5). */
const COMPRESS_FROM_BYTES = 32
/** Flags up to here bound the LZ4 ratio; 255 announces Zstandard, the rest is unassigned. */
const MAX_RATIO = 127
const ZSTD = 255

/** A codec for one transport and one side of it. */
export const createCodec = (options: CodecOptions): FrameCodec =>
  options.encoding === 'json' ? jsonCodec : binaryCodec(options)

const binaryCodec = (options: CodecOptions): FrameCodec => {
  const { encoding, side, compress = true, floats = 'accept' } = options
  const wrapping: EncodeOptions =
    encoding === 'tcp'
      ? { wrap: 'none', width: 'shortest' }
      : side === 'client'
        ? { wrap: 'ids', width: 'wide' }
        : { wrap: 'all', width: 'shortest' }
  return {
    encoding,
    encode: (frame) => {
      const raw = hasBody(frame.payload) ? encodeValue(frame.payload, wrapping) : empty
      return pack(frame, raw, compress)
    },
    decode: (data) => {
      if (typeof data === 'string') throw new FrameError('malformed', 'text on a binary transport')
      const header = readHeader(data)
      if (header.end > data.length) throw new FrameError('truncated', 'the frame ends early')
      if (header.end < data.length) throw new FrameError('malformed', 'bytes behind the frame')
      return readFrame(data, header, floats)
    },
  }
}

const empty = new Uint8Array(0)
/** An empty payload is a zero-length body, not an empty map (§4.1). */
const hasBody = (payload: WireValue): boolean =>
  payload !== null &&
  payload !== undefined &&
  !(isWireMap(payload) && Object.keys(payload).length === 0)

const pack = (
  frame: Omit<Frame, 'ver'>,
  raw: Uint8Array<ArrayBuffer>,
  compress: boolean,
): Uint8Array<ArrayBuffer> => {
  let body: Uint8Array = raw
  let flags = 0
  if (compress && raw.length >= COMPRESS_FROM_BYTES) {
    const packed = lz4Compress(raw)
    const ratio = packed ? Math.ceil(raw.length / packed.length) : 0
    if (packed && ratio <= MAX_RATIO) {
      body = packed
      flags = ratio
    }
  }
  if (body.length > Limit.maxBodyBytes)
    throw new FrameError('too_large', 'the payload is too large')
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = BINARY_VERSION
  bytes[1] = frame.cmd
  view.setUint16(2, frame.seq)
  view.setUint16(4, frame.opcode)
  view.setUint32(6, flags * 0x1000000 + body.length)
  bytes.set(body, HEADER_BYTES)
  return bytes
}

interface Header {
  ver: number
  cmd: number
  seq: number
  opcode: number
  flags: number
  /** Offset behind the frame. */
  end: number
}

const readHeader = (bytes: Uint8Array, at = 0): Header => {
  if (bytes.length - at < HEADER_BYTES) throw new FrameError('truncated', 'the header ends early')
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES)
  const ver = view.getUint8(0)
  // Answers with version 11 were captured on TLS TCP (§4.1).
  if (ver !== BINARY_VERSION && ver !== JSON_VERSION) {
    throw new FrameError('version', `unknown frame version ${ver}`)
  }
  const tail = view.getUint32(6)
  return {
    ver,
    cmd: view.getUint8(1),
    seq: view.getUint16(2),
    opcode: view.getUint16(4),
    flags: tail >>> 24,
    end: at + HEADER_BYTES + (tail & 0xffffff),
  }
}

const readFrame = (
  bytes: Uint8Array,
  header: Header,
  floats: 'accept' | 'refuse',
  at = 0,
): Frame => {
  const { ver, cmd, seq, opcode } = header
  try {
    const body = inflate(bytes.subarray(at + HEADER_BYTES, header.end), header.flags)
    const payload = body.length === 0 ? null : decodeValue(body, { floats })
    return { ver, cmd, seq, opcode, payload }
  } catch (error) {
    if (error instanceof FrameError) error.header = { seq, opcode }
    throw error
  }
}

const inflate = (body: Uint8Array, flags: number): Uint8Array => {
  if (flags === 0) return body
  if (flags === ZSTD) throw new FrameError('compression', 'Zstandard bodies are not supported')
  if (flags > MAX_RATIO) throw new FrameError('compression', `unassigned flags ${flags}`)
  if (body.length === 0) return body
  return lz4Decompress(body, Math.min(flags * body.length, Limit.maxPayloadBytes))
}

/** Cuts a TCP byte stream into frames, whatever the chunks. After a throw the stream is unusable. */
export class FrameReader {
  readonly #floats: 'accept' | 'refuse'
  #bytes = new Uint8Array(4096)
  #length = 0

  constructor(options: { floats?: 'accept' | 'refuse' } = {}) {
    this.#floats = options.floats ?? 'accept'
  }

  /**
   * Frames that `chunk` completes, in order.
   * @throws {FrameError} at the first unreadable frame.
   */
  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk)
    const frames: Frame[] = []
    let at = 0
    while (this.#length - at >= HEADER_BYTES) {
      const header = readHeader(this.#bytes.subarray(0, this.#length), at)
      if (header.end > this.#length) break
      frames.push(readFrame(this.#bytes, header, this.#floats, at))
      at = header.end
    }
    if (at > 0) {
      this.#bytes.copyWithin(0, at, this.#length)
      this.#length -= at
    }
    return frames
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(chunk, this.#length)
    this.#length = needed
  }
}

/** Turns what a transport delivers into frames: pieces of a stream on TCP, whole frames elsewhere. */
export const frameReader = (codec: FrameCodec): ((data: Uint8Array | string) => Frame[]) => {
  if (codec.encoding !== 'tcp') return (data) => [codec.decode(data)]
  const reader = new FrameReader()
  return (data) => {
    if (typeof data === 'string') throw new FrameError('malformed', 'text on a binary transport')
    return reader.push(data)
  }
}

const jsonCodec: FrameCodec = {
  encoding: 'json',
  encode: (frame) =>
    stringifyWireJson({
      ver: JSON_VERSION,
      cmd: frame.cmd,
      seq: frame.seq,
      opcode: frame.opcode,
      payload: frame.payload ?? null,
    }),
  decode: (data) => {
    if (typeof data !== 'string') throw new FrameError('malformed', 'bytes on a text transport')
    if (data.length > Limit.maxPayloadBytes)
      throw new FrameError('too_large', 'the frame is too large')
    let value: unknown
    try {
      value = parseJson(data)
    } catch {
      throw new FrameError('malformed', 'the frame is not JSON')
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new FrameError('malformed', 'the frame is no JSON object')
    }
    const { ver, cmd, seq, opcode, payload = null } = value as Partial<Frame>
    if (!isUint16(cmd) || !isUint16(seq) || !isUint16(opcode)) {
      throw new FrameError('malformed', 'the frame lacks cmd, seq or opcode')
    }
    if (ver !== JSON_VERSION && ver !== BINARY_VERSION) {
      throw new FrameError('version', 'unknown frame version')
    }
    return { ver, cmd, seq, opcode, payload }
  },
}

const isUint16 = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff

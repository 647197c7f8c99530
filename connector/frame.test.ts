import { decode as decodeMsgpack, ExtensionCodec } from '@msgpack/msgpack'
import fc from 'fast-check'
import lz4 from 'lz4js'
import { describe, expect, it } from 'vitest'
import { Opcode, opcodeName } from '../schema/opcodes.ts'
import { type Frame, type WireValue, wireId, wireMessageId, wireTime } from '../schema/wire.ts'
import { fromHex, fromMarkers, loadVectors, toHex } from '../test/support/vectors.ts'
import { createCodec, FrameError, FrameReader } from './frame.ts'

interface Vector {
  name: string
  hex: string
  header: { ver: number; cmd: number; seq: number; opcode: number }
  rawHex: string
  payload: unknown
}
const { vectors } = loadVectors<{ vectors: Vector[] }>('frames-v10.json')
const client = createCodec({ encoding: 'binary', side: 'client' })
const server = createCodec({ encoding: 'binary', side: 'server' })
const tcp = createCodec({ encoding: 'tcp', side: 'client' })
const json = createCodec({ encoding: 'json', side: 'client' })

describe('binary v10', () => {
  it.each(vectors)('[FR1] decodes the vector $name', (vector) => {
    const frame = client.decode(fromHex(vector.hex))
    const { ver, cmd, seq, opcode } = vector.header
    expect(frame).toEqual({ ver, cmd, seq, opcode, payload: fromMarkers(vector.payload) })
  })

  it.each(
    loadVectors<{ vectors: { name: string; hex: string; expect: string }[] }>(
      'frames-v10-invalid.json',
    ).vectors,
  )('[FR2] refuses the vector $name', (vector) => {
    const bytes = fromHex(vector.hex)
    expect(() => client.decode(bytes)).toThrow(FrameError)
    const reader = new FrameReader()
    if (vector.expect === 'incomplete') expect(reader.push(bytes)).toEqual([])
    else expect(() => reader.push(bytes)).toThrow(FrameError)
  })

  it('[FR3] cuts a TCP stream into frames', () => {
    const stream = loadVectors<{ chunksHex: string[]; frames: string[] }>('tcp-stream.json')
    const reader = new FrameReader()
    const frames = stream.chunksHex.flatMap((hex) => reader.push(fromHex(hex)))
    const expected = stream.frames.map((name) => vectors.find((vector) => vector.name === name))
    expect(frames).toEqual(expected.map((vector) => client.decode(fromHex(vector!.hex))))
  })

  it('[FR4] writes the live bytes of an id request, an acknowledgement and a ping answer', () => {
    const hexOf = (name: string) => vectors.find((vector) => vector.name === name)!.hex
    const encode = (cmd: number, seq: number, opcode: number, payload: WireValue) =>
      toHex(client.encode({ cmd, seq, opcode, payload }) as Uint8Array)
    expect(encode(0, 2, Opcode.CHAT_INFO, { chatIds: [wireId(7268926000000000001n)] })).toBe(
      hexOf('chat-info-ext1'),
    )
    expect(
      toHex(
        createCodec({ encoding: 'binary', side: 'client', compress: false }).encode({
          cmd: 1,
          seq: 12,
          opcode: Opcode.NOTIF_MESSAGE,
          payload: {
            chatId: wireId(-70000000000001),
            messageId: wireMessageId('115000000000000001'),
          },
        }) as Uint8Array,
      ),
    ).toBe(hexOf('push-new-message-ack'))
    expect(encode(1, 24, Opcode.PING, null)).toBe(hexOf('ping-ok-empty'))
    expect(encode(0, 1, Opcode.GET_QR, {})).toBe(hexOf('get-qr-request'))
  })

  it('[FR5] never writes an integer as a float', () => {
    for (const value of [0, 2 ** 31, 2 ** 32, 1_790_000_000_000, -(2 ** 40), 2 ** 53 - 1]) {
      const bytes = tcp.encode({ cmd: 0, seq: 0, opcode: 1, payload: { value } }) as Uint8Array
      expect(bytes.includes(0xcb)).toBe(false)
      expect(tcp.decode(bytes).payload).toEqual({ value })
    }
    const inexact = { cmd: 0, seq: 0, opcode: 1, payload: { value: 2 ** 53 } }
    expect(() => client.encode(inexact)).toThrow(RangeError)
  })

  it('[FR6] a strict server refuses integers sent as floats and says for which request', () => {
    const strict = createCodec({ encoding: 'binary', side: 'server', floats: 'refuse' })
    const whole = fromHex('0a00000700310000000c81a161cb3ff0000000000000')
    expect(server.decode(whole).payload).toEqual({ a: 1 })
    const error = (() => {
      try {
        strict.decode(whole)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(FrameError)
    expect(error).toMatchObject({ code: 'float', header: { seq: 7, opcode: 49 } })
  })

  it('[FR7] says clearly that Zstandard is not supported', () => {
    const bytes = fromHex('0a0100000013ff00000428b52ffd')
    expect(() => client.decode(bytes)).toThrow(/Zstandard/)
  })

  it('[FR8] an unsafe map key cannot reach the prototype', () => {
    // {"__proto__": {}}
    const evil = fromHex('0a01000000010000000c81a95f5f70726f746f5f5f80')
    const payload = client.decode(evil).payload
    expect(Object.keys(payload as object)).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('JSON v11', () => {
  const { frames } = loadVectors<{ frames: { name: string; frame: Frame }[] }>('json-v11.json')

  it.each(frames)('[FR9] decodes and encodes the vector $name', ({ frame }) => {
    const decoded = json.decode(JSON.stringify(frame))
    expect(decoded).toEqual(frame)
    expect(JSON.parse(json.encode(decoded) as string)).toEqual(frame)
  })

  it('[FR10] keeps 64-bit numbers exact both ways', () => {
    const text = '{"ver":11,"cmd":1,"seq":1,"opcode":49,"payload":{"a":117309440008060929}}'
    const frame = json.decode(text)
    expect(frame.payload).toEqual({ a: 117309440008060929n })
    expect(json.encode(frame)).toBe(text)
  })

  it('[FR11] sends message ids as text and other ids as digits', () => {
    const payload = {
      chatId: wireId(-70000000000001),
      messageId: wireMessageId('117309440008060929'),
    }
    expect(json.encode({ cmd: 0, seq: 1, opcode: 50, payload })).toContain(
      '"payload":{"chatId":-70000000000001,"messageId":"117309440008060929"}',
    )
  })
})

/** The independent library refuses this one key; ours is tested apart. */
const mapKey = fc.string().filter((key) => key !== '__proto__')

/** Values as a decoder gives them: integers exact, big ones as bigint, no wrappers. */
const plainValue: fc.Arbitrary<WireValue> = fc.letrec<{ value: WireValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer(),
    fc
      .oneof(fc.bigInt(2n ** 53n, 2n ** 64n - 1n), fc.bigInt(-(2n ** 63n), -(2n ** 53n)))
      .map((value): WireValue => value),
    fc.string({ unit: 'binary' }),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(mapKey, tie('value'), { noNullPrototype: true }),
  ),
})).value
const frameOf = (payload: fc.Arbitrary<WireValue>) =>
  fc.record({
    cmd: fc.constantFrom(0, 1, 3),
    seq: fc.nat(0xffff),
    opcode: fc.nat(0xffff),
    payload,
  })
const payloadMap = fc
  .dictionary(mapKey, plainValue, { minKeys: 1, noNullPrototype: true })
  .map((map): WireValue => map)

const independent = new ExtensionCodec()
independent.register({
  type: 1,
  encode: () => null,
  decode: (data) => decodeMsgpack(data, { useBigInt64: true }),
})

describe('properties', () => {
  it('[FR12] decode(encode(f)) is f, compressed or not', () => {
    fc.assert(
      fc.property(frameOf(payloadMap), fc.boolean(), (frame, compress) => {
        for (const encoding of ['binary', 'tcp'] as const) {
          const codec = createCodec({ encoding, side: 'client', compress })
          const bytes = codec.encode(frame)
          expect(codec.decode(bytes)).toEqual({ ver: 10, ...frame })
        }
      }),
      { numRuns: 500 },
    )
  })

  it('[FR13] any cut of a byte stream gives the same frames', () => {
    fc.assert(
      fc.property(
        fc.array(frameOf(payloadMap), { maxLength: 5 }),
        fc.array(fc.nat(200), { minLength: 1, maxLength: 20 }),
        (frames, cuts) => {
          const encoded = frames.map((frame) => tcp.encode(frame) as Uint8Array)
          const stream = Uint8Array.from(encoded.flatMap((bytes) => [...bytes]))
          const reader = new FrameReader()
          const seen: Frame[] = []
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const size = Math.max(1, cuts[i % cuts.length] as number)
            seen.push(...reader.push(stream.subarray(at, at + size)))
            at += size
          }
          expect(seen).toEqual(frames.map((frame) => ({ ver: 10, ...frame })))
        },
      ),
    )
  })

  it('[FR14] random bytes throw nothing but the typed error', () => {
    const almostFrame = fc
      .tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 1, 2, 127, 128, 255))
      .map(([body, flags]) =>
        Uint8Array.from([
          10,
          1,
          0,
          1,
          0,
          19,
          flags,
          0,
          body.length >> 8,
          body.length & 255,
          ...body,
        ]),
      )
    const isTyped = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
      }
    }
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), almostFrame), (bytes) => {
        isTyped(() => client.decode(bytes))
        isTyped(() => new FrameReader().push(bytes))
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => isTyped(() => json.decode(text))),
    )
  })

  it('[FR15] announced sizes cannot make a decoder allocate more than is there', () => {
    // array32, map32, str32, bin32 and ext32 of four billion entries in a frame of 15 bytes.
    for (const tag of [0xdd, 0xdf, 0xdb, 0xc6, 0xc9]) {
      const bytes = Uint8Array.from([10, 1, 0, 1, 0, 1, 0, 0, 0, 5, tag, 255, 255, 255, 255])
      expect(() => client.decode(bytes)).toThrow(FrameError)
    }
    const nested = Uint8Array.from([10, 1, 0, 1, 0, 1, 0, 0, 1, 44, ...Array(300).fill(0x91)])
    expect(() => client.decode(nested)).toThrow(/deeply/)
  })

  it('[FR16] an independent MessagePack and LZ4 read what we write', () => {
    fc.assert(
      fc.property(payloadMap, fc.boolean(), (payload, repeat) => {
        const value = repeat ? { payload: [payload, payload, payload, payload] } : { payload }
        const bytes = client.encode({ cmd: 0, seq: 0, opcode: 64, payload: value }) as Uint8Array
        const flags = bytes[6] as number
        let body = bytes.subarray(10)
        if (flags > 0) {
          const room = new Uint8Array(flags * body.length)
          const size = lz4.decompressBlock(body, room, 0, body.length, 0)
          body = room.subarray(0, size)
        }
        const read = decodeMsgpack(body, { useBigInt64: true, extensionCodec: independent })
        expect(bigints(read)).toEqual(bigints(value))
      }),
      { numRuns: 300 },
    )
  })

  it('[FR17] a server wraps ids and times, a TLS client nothing, and both read the same', () => {
    const payload = { id: wireId(7), time: wireTime(1_790_000_000_000), at: 1_790_000_000_000 }
    const frame = { cmd: 1, seq: 1, opcode: 49, payload }
    expect(toHex(server.encode(frame) as Uint8Array)).toContain('a26964d40107')
    expect(toHex(tcp.encode(frame) as Uint8Array)).toContain('a2696407')
    const read = { id: 7, time: 1_790_000_000_000, at: 1_790_000_000_000 }
    expect(client.decode(server.encode(frame)).payload).toEqual(read)
    expect(client.decode(tcp.encode(frame)).payload).toEqual(read)
  })
})

/** The independent library reads every 64-bit integer as bigint: compare integers as such. */
const bigints = (value: unknown): unknown => {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map(bigints)
  if (value instanceof Uint8Array) return [...value]
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bigints(item)]))
}

describe('opcodes', () => {
  it('[FR18] the table equals the merged one of the protocol notes', () => {
    const { opcodes } = loadVectors<{ opcodes: { opcode: number; name: string }[] }>('opcodes.json')
    expect(Opcode).toEqual(Object.fromEntries(opcodes.map((row) => [row.name, row.opcode])))
    expect(opcodeName(128)).toBe('NOTIF_MESSAGE')
    expect(opcodeName(9999)).toBe('OPCODE_9999')
  })
})

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { decode, ExtensionCodec, encode } from '@msgpack/msgpack'
import lz4 from 'lz4js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { type RunningSandbox, requiredOrigin, startSandbox } from './server.ts'

/**
 * Real sockets read by tools of others: a mistake that our codec makes both ways would pass
 * everywhere else. Frames are cut and MessagePack and LZ4 decoded here without a line of it.
 */
class Wrapped {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

const extensions = new ExtensionCodec()
extensions.register({
  type: 1,
  encode: (value) => (value instanceof Wrapped ? encode(value.value, { useBigInt64: true }) : null),
  decode: (bytes) => new Wrapped(decode(bytes, { useBigInt64: true })),
})
const packing = { extensionCodec: extensions, useBigInt64: true }

interface Packet {
  ver: number
  cmd: number
  seq: number
  opcode: number
  flags: number
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever came.
  payload: any
}

const parse = (bytes: Buffer): Packet => {
  const flags = bytes.readUInt8(6)
  const body = bytes.subarray(10, 10 + bytes.readUIntBE(7, 3))
  let raw: Uint8Array = body
  if (flags > 0) {
    const room = new Uint8Array(flags * body.length)
    const length = lz4.decompressBlock(body, room, 0, body.length, 0)
    raw = room.subarray(0, length)
  }
  return {
    ver: bytes.readUInt8(0),
    cmd: bytes.readUInt8(1),
    seq: bytes.readUInt16BE(2),
    opcode: bytes.readUInt16BE(4),
    flags,
    payload: raw.length === 0 ? null : decode(raw, packing),
  }
}

const build = (seq: number, opcode: number, payload: unknown): Buffer => {
  const body = Buffer.from(encode(payload, packing))
  const header = Buffer.alloc(10)
  header.writeUInt8(10, 0)
  header.writeUInt16BE(seq, 2)
  header.writeUInt16BE(opcode, 4)
  header.writeUIntBE(body.length, 7, 3)
  return Buffer.concat([header, body])
}

/** Hands packets out in the order they come, to whoever asks first. */
class Inbox {
  readonly #packets: Packet[] = []
  readonly #waiting: ((packet: Packet) => void)[] = []

  put(packet: Packet): void {
    const next = this.#waiting.shift()
    if (next) next(packet)
    else this.#packets.push(packet)
  }

  take(): Promise<Packet> {
    const packet = this.#packets.shift()
    return packet
      ? Promise.resolve(packet)
      : new Promise((resolve) => void this.#waiting.push(resolve))
  }
}

const webAgent = { deviceType: 'WEB', appVersion: '26.10.1' }
const login = (token: string) => ({ token, chatsCount: 40, interactive: true, chatsSync: 0 })

let sandbox: RunningSandbox
beforeAll(async () => {
  sandbox = await startSandbox()
})
afterAll(() => sandbox.close())

const post = async (path: string, body: object) => {
  const response = await fetch(`${sandbox.controlUrl}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever came.
  return { status: response.status, body: (await response.json()) as any }
}

const people = async () => {
  const me = (await post('/accounts', { firstName: 'Анна', token: true })).body
  const friend = (await post('/accounts', { firstName: 'Bob' })).body
  const { chatId } = (await post('/contacts', { userId: me.userId, contactId: friend.userId })).body
  return { me, friend, chatId }
}

const openSocket = async (): Promise<WebSocket> => {
  const socket = new WebSocket(sandbox.url, { origin: requiredOrigin })
  await once(socket, 'open')
  return socket
}

describe('web socket', () => {
  it('wants the right Origin and path', async () => {
    const refused = async (url: string, origin: string) => {
      const socket = new WebSocket(url, { origin })
      socket.on('error', () => {})
      const [, response] = await once(socket, 'unexpected-response')
      return response.statusCode
    }
    expect(await refused(sandbox.url, 'https://example.com')).toBe(403)
    expect(await refused(sandbox.url.replace('/websocket', '/other'), requiredOrigin)).toBe(404)
  })

  it('speaks v10 to binary messages, with 64-bit values in extension 1', async () => {
    const { me, friend, chatId } = await people()
    const socket = await openSocket()
    const inbox = new Inbox()
    socket.on('message', (data: Buffer) => inbox.put(parse(data)))
    const call = async (seq: number, opcode: number, payload: unknown) => {
      socket.send(build(seq, opcode, payload))
      return inbox.take()
    }
    expect(await call(0, 6, { userAgent: webAgent, deviceId: 'd' })).toMatchObject({
      ver: 10,
      cmd: 1,
      seq: 0,
      payload: { location: 'RU' },
    })
    const ready = await call(1, 19, login(me.token))
    expect(ready.flags).toBeGreaterThan(0)
    expect(ready.payload.time).toBeInstanceOf(Wrapped)
    expect(ready.payload.profile.contact.id.value).toBe(me.userId)

    const message = { cid: 1_790_000_000_001n, text: 'Hello there' }
    const sent = await call(2, 64, { chatId: new Wrapped(BigInt(chatId)), message, notify: true })
    const { id, time } = sent.payload.message
    expect(id.value).toBeTypeOf('bigint')
    expect(id.value >> 16n).toBe(time.value)

    await post('/incoming', { to: me.userId, from: friend.userId, text: 'Hi back' })
    const push = await inbox.take()
    expect(push).toMatchObject({ cmd: 0, opcode: 128, payload: { message: { text: 'Hi back' } } })
    expect(await call(3, 1, { interactive: true })).toMatchObject({
      cmd: 1,
      payload: null,
      flags: 0,
    })
    socket.terminate()
  })

  it('speaks v11 to text messages, with message ids as strings', async () => {
    const { me, chatId } = await people()
    const socket = await openSocket()
    const call = async (seq: number, opcode: number, payload: unknown) => {
      socket.send(JSON.stringify({ ver: 11, cmd: 0, seq, opcode, payload }))
      const [data, isBinary] = await once(socket, 'message')
      expect(isBinary).toBe(false)
      return JSON.parse(String(data))
    }
    await call(0, 6, { userAgent: webAgent, deviceId: 'd' })
    expect(await call(1, 19, login(me.token))).toMatchObject({
      ver: 11,
      cmd: 1,
      seq: 1,
      payload: { profile: { contact: { id: me.userId } } },
    })
    const message = { cid: 1_790_000_000_001, text: 'Hello there' }
    const sent = await call(2, 64, { chatId, message, notify: true })
    expect(sent.payload).toMatchObject({
      chatId,
      message: { id: expect.stringMatching(/^\d{18}$/) },
    })
    expect(await call(3, 1, { interactive: true })).toMatchObject({ payload: null })
    socket.terminate()
  })
})

describe('TLS TCP', () => {
  const openTls = async (): Promise<TLSSocket> => {
    const { hostname, port } = new URL(sandbox.tlsUrl)
    const ca = readFileSync(sandbox.caFile)
    const socket = connectTls({ host: hostname, port: Number(port), ca, servername: hostname })
    await once(socket, 'secureConnect')
    return socket
  }

  it('speaks v10 back to back, with 64-bit values bare, under a certificate of the CA', async () => {
    const { me, friend, chatId } = await people()
    const socket = await openTls()
    expect(socket.authorized).toBe(true)
    const inbox = new Inbox()
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 10 && received.length >= 10 + received.readUIntBE(7, 3)) {
        const end = 10 + received.readUIntBE(7, 3)
        inbox.put(parse(received.subarray(0, end)))
        received = received.subarray(end)
      }
    })
    const agent = { deviceType: 'ANDROID', appVersion: '26.28.0' }
    const bytes = Buffer.concat([
      build(1, 6, { userAgent: agent, deviceId: 'd' }),
      build(2, 19, login(me.token)),
      build(3, 64, { chatId, message: { cid: 1, text: 'From the phone' } }),
    ])
    for (let at = 0; at < bytes.length; at += 7) socket.write(bytes.subarray(at, at + 7))
    expect((await inbox.take()).opcode).toBe(6)
    const ready = await inbox.take()
    expect(ready.payload.profile.contact.id).toBe(me.userId)
    const sent = await inbox.take()
    expect(sent.payload.message.id).toBeTypeOf('bigint')
    await post('/incoming', { to: me.userId, from: friend.userId, text: 'Hi' })
    expect(await inbox.take()).toMatchObject({ cmd: 0, opcode: 128, payload: { chatId } })
    socket.destroy()
  })
})

describe('control over HTTP', () => {
  it('shows what is stored, counts and breaks', async () => {
    const { me, friend, chatId } = await people()
    const burst = { to: me.userId, from: friend.userId, count: 3, text: 'n' }
    expect((await post('/incoming/bulk', burst)).body.messages).toHaveLength(3)
    const query = `?userId=${me.userId}&chatId=${chatId}`
    const { messages } = (await (await fetch(`${sandbox.controlUrl}/messages${query}`)).json()) as {
      messages: object[]
    }
    expect(messages).toMatchObject([{ text: 'n 1', sender: friend.userId }, {}, {}])
    expect((await post('/fault', { kind: 'hang', opcode: 64, userId: me.userId })).status).toBe(200)
    expect((await post('/faults/clear', {})).status).toBe(200)
    expect((await post('/settings', { rotateToken: 'same' })).body.rotateToken).toBe('same')
    expect((await post('/settings', { nonsense: 1 })).status).toBe(400)
    expect((await post('/incoming', { to: 1, from: 2, text: 'x' })).status).toBe(400)
    expect((await post('/nowhere', {})).status).toBe(404)

    const socket = await openSocket()
    const closed = once(socket, 'close')
    expect((await post('/close', { code: 1000 })).body.closed).toBeGreaterThan(0)
    expect((await closed)[0]).toBe(1000)
    const state = (await (await fetch(`${sandbox.controlUrl}/state`)).json()) as object
    expect(state).toMatchObject({ online: 0 })
  })
})

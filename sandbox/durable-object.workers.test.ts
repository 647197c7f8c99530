/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { createCodec } from '../connector/frame.ts'
import { mediaKinds } from '../schema/media.ts'
import { Opcode } from '../schema/opcodes.ts'
import type { Incoming } from '../schema/operations/sandbox.ts'
import type { SandboxInfo } from '../schema/sandbox-port.ts'
import { asMap, asMaps, Command, type Frame, type WireMap, type WireValue } from '../schema/wire.ts'
import { loginPayload } from '../test/sandbox/payloads.ts'
import type { Sandbox } from './durable-object.ts'

const { SANDBOX } = env as unknown as { SANDBOX: DurableObjectNamespace<Sandbox> }

/** A client of the object over its real upgrade; frames wait until somebody takes them. */
class Client {
  readonly #codec = createCodec({ encoding: 'binary', side: 'client' })
  readonly #frames: Frame[] = []
  #wake: () => void = () => {}
  #seq = 0
  readonly socket: WebSocket

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      this.#frames.push(this.#codec.decode(new Uint8Array(data as ArrayBuffer)))
      this.#wake()
    })
    socket.accept()
  }

  async take(matches: (frame: Frame) => boolean): Promise<WireMap> {
    for (;;) {
      const at = this.#frames.findIndex(matches)
      const frame = this.#frames[at]
      if (frame) {
        this.#frames.splice(at, 1)
        return asMap(frame.payload)
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  push(opcode: number): Promise<WireMap> {
    return this.take((frame) => frame.cmd === Command.REQUEST && frame.opcode === opcode)
  }

  call(opcode: number, payload: WireMap = {}): Promise<WireMap> {
    const seq = this.#seq++
    this.socket.send(this.#codec.encode({ cmd: Command.REQUEST, seq, opcode, payload }))
    return this.take((frame) => frame.cmd !== Command.REQUEST && frame.seq === seq)
  }
}

const dial = async (name: string): Promise<Client> => {
  const headers = { Upgrade: 'websocket', Origin: 'https://web.max.ru' }
  const response = await SANDBOX.getByName(name).fetch('http://sandbox/websocket', { headers })
  const socket = response.webSocket
  if (!socket) throw new Error(`no web socket but ${response.status}`)
  const client = new Client(socket)
  const userAgent = { deviceType: 'WEB', appVersion: '26.10.1' }
  await client.call(Opcode.SESSION_INIT, { userAgent, deviceId: 'd' })
  return client
}

const infoOf = async (name: string): Promise<SandboxInfo> => {
  const result = await SANDBOX.getByName(name).info()
  if (!result.ok) throw new Error('the sandbox has no people')
  return result.data
}

const loginBySms = async (client: Client, phone: string, code: string): Promise<string> => {
  const { token } = await client.call(Opcode.AUTH_REQUEST, { phone, type: 'START_AUTH' })
  const check = { token: String(token), verifyCode: code, authTokenType: 'CHECK_CODE' }
  const answer = await client.call(Opcode.AUTH, check)
  return String(asMap(asMap(answer.tokenAttrs).LOGIN).token)
}

describe('the sandbox object', () => {
  it('has demo people to write to, and lets only web clients in', async () => {
    const info = await infoOf('people')
    expect(info.contacts.length).toBeGreaterThanOrEqual(3)
    const client = await dial('people')
    const token = await loginBySms(client, info.phone, info.code)
    const { chats } = await client.call(Opcode.LOGIN, loginPayload(token))
    const types = asMaps(chats).map(({ type }) => type)
    expect(types.filter((type) => type === 'DIALOG')).toHaveLength(info.contacts.length + 1)
    expect(types).toContain('CHAT')
    expect(types).toContain('CHANNEL')
    const stub = SANDBOX.getByName('people')
    const refused = await stub.fetch('http://sandbox/', { headers: { Upgrade: 'websocket' } })
    expect(refused.status).toBe(403)
  })

  it('logs in by QR, and says when nothing waits', async () => {
    const stub = SANDBOX.getByName('qr')
    expect(await stub.approveQr()).toMatchObject({ ok: false, error: { code: 'CONFLICT' } })
    const client = await dial('qr')
    const { trackId } = await client.call(Opcode.GET_QR)
    // The person takes a while: the object sleeps, the socket and its track stay.
    await evictDurableObject(stub)
    expect(await stub.approveQr()).toEqual({ ok: true, data: null })
    const track = { trackId: String(trackId) }
    const { status } = await client.call(Opcode.GET_QR_STATUS, track)
    expect(asMap(status).loginAvailable).toBe(true)
    const { tokenAttrs } = await client.call(Opcode.LOGIN_BY_QR, track)
    expect(asMap(asMap(tokenAttrs).LOGIN).token).toBeTypeOf('string')
  })

  it('keeps sockets and pushes through hibernation', async () => {
    const stub = SANDBOX.getByName('sleep')
    const { phone, code, contacts } = await infoOf('sleep')
    const client = await dial('sleep')
    const token = await loginBySms(client, phone, code)
    await client.call(Opcode.LOGIN, loginPayload(token))
    await evictDurableObject(stub)
    const written = await stub.incoming({ text: 'good morning' })
    expect(written).toMatchObject({ ok: true, data: { chatId: contacts[0]?.chatId } })
    const { message } = await client.push(Opcode.NOTIF_MESSAGE)
    expect(asMap(message).text).toBe('good morning')
  })

  it('loses nothing to a crash', async () => {
    const { phone, code, contacts } = await infoOf('crash')
    const chatId = contacts[0]?.chatId ?? 0
    const before = await dial('crash')
    const token = await loginBySms(before, phone, code)
    await before.call(Opcode.LOGIN, loginPayload(token))
    const sent = await before.call(Opcode.MSG_SEND, { chatId, message: { cid: 5, text: 'kept' } })
    await SANDBOX.getByName('crash').incoming({ text: 'unseen' })
    await abortAllDurableObjects()

    const after = await dial('crash')
    await after.call(Opcode.LOGIN, loginPayload(token))
    const { message } = await after.push(Opcode.NOTIF_MESSAGE)
    expect(asMap(message).text).toBe('unseen')
    const again = await after.call(Opcode.MSG_SEND, { chatId, message: { cid: 5, text: 'kept' } })
    expect(asMap(again.message).id).toBe(asMap(sent.message).id)
  })

  it('lets a contact send files, and serves them after a sleep', async () => {
    const stub = SANDBOX.getByName('files')
    const { phone, code, contacts } = await infoOf('files')
    const client = await dial('files')
    await client.call(Opcode.LOGIN, loginPayload(await loginBySms(client, phone, code)))
    const chatId = contacts[0]?.chatId ?? 0
    const linkOf = async (messageId: WireValue, attach: WireMap): Promise<unknown> => {
      const place = { chatId, messageId }
      const { videoId, fileId } = attach
      if (fileId) return (await client.call(Opcode.FILE_DOWNLOAD, { ...place, fileId })).url
      if (videoId) return (await client.call(Opcode.VIDEO_PLAY, { ...place, videoId })).MP4_1080
      return attach.url ?? attach.baseUrl
    }
    const sizes: Record<string, number> = {}
    for (const media of mediaKinds) {
      expect(await stub.incoming({ text: '', media })).toMatchObject({ ok: true, data: { chatId } })
      const { message } = await client.push(Opcode.NOTIF_MESSAGE)
      const { id: messageId, attaches } = asMap(message)
      const [attach = {}] = asMaps(attaches)
      await evictDurableObject(stub)
      const headers = { 'user-agent': 'Chrome/140' }
      const response = await stub.fetch(String(await linkOf(messageId, attach)), { headers })
      sizes[media] = (await response.arrayBuffer()).byteLength
    }
    expect(sizes).toEqual({
      ...{ image: 107, video: 1_492, audio: 324, document: 59, voice: 324, videonote: 1_492 },
    })
    const own = { text: '', media: 'document', data: btoa('my own'), fileName: 'Мой файл.txt' }
    await stub.incoming(own as Incoming)
    const { message } = await client.push(Opcode.NOTIF_MESSAGE)
    const [attach] = asMaps(asMap(message).attaches)
    expect(attach).toMatchObject({ name: 'Мой файл.txt', size: 6 })
  })

  it('breaks on demand and forgets everything when told', async () => {
    const stub = SANDBOX.getByName('faults')
    const info = await infoOf('faults')
    const client = await dial('faults')
    const token = await loginBySms(client, info.phone, info.code)
    await client.call(Opcode.LOGIN, loginPayload(token))
    const fault = { code: 'login.flood', delayMs: 0, count: 1 }
    await stub.fault({ ...fault, kind: 'error' })
    const refused = await client.call(Opcode.PING, { interactive: true })
    expect(refused.error).toBe('login.flood')
    await stub.fault({ ...fault, kind: 'flood', count: 3 })
    for (let n = 0; n < 3; n++) await client.push(Opcode.NOTIF_MESSAGE)
    const closed = new Promise((resolve) => client.socket.addEventListener('close', resolve))
    await stub.destroy()
    await closed
    const next = await dial('faults')
    const answer = await next.call(Opcode.LOGIN, loginPayload(token))
    expect(answer.error).toBe('login.token')
    expect(await stub.incoming({ text: 'x', from: 1 })).toMatchObject({
      ok: false,
      error: { code: 'NOT_FOUND' },
    })
  })
})

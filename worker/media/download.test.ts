import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MediaFaultKind } from '../../schema/operations/sandbox.ts'
import { content, hashOf } from '../../test/support/content.ts'
import { startLiveEdge } from '../../test/support/live-edge.ts'

const MiB = 1024 * 1024
let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const bytesField = ['downloadimage', 'downloadvideo', 'downloadaudio', 'downloaddocument'] as const
type Path = (typeof bytesField)[number]

/** A pair; what one sends, the other downloads. */
const setup = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const send = async (kind: string, bytes: Uint8Array, more: object = {}) => {
    const body = { chatId, [kind]: Buffer.from(bytes).toString('base64'), ...more }
    const { messageId } = await me.ok('POST', `/chat/send/${kind}`, body)
    return { chatId, messageId: String(messageId) }
  }
  const json = (path: Path, body: object) => friend.call('POST', `/chat/${path}`, body)
  const bytes = (path: Path, body: object, headers: Record<string, string> = {}) =>
    fetchBytes('POST', `/chat/${path}`, { body: JSON.stringify(body), headers })
  const fetchBytes = async (method: string, path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    headers.set('token', friend.token)
    headers.set('accept', 'application/octet-stream')
    return world.edge.app.fetch(new Request(`http://gateway${path}`, { ...init, method, headers }))
  }
  const fault = (kind: MediaFaultKind, count = 1) =>
    world.sim.direct.fault({ kind, userId: me.account.id, code: '', delayMs: 20, count })
  const attachOf = async (messageId: string) => {
    const { messages } = await friend.ok('POST', '/chat/history', { chatId })
    const all = messages as { id: string; attaches: Record<string, unknown>[] }[]
    return all.find(({ id }) => id === messageId)?.attaches[0] ?? {}
  }
  return { me, friend, chatId, send, json, bytes, fetchBytes, fault, attachOf }
}

const bodyOf = async (response: Response): Promise<Uint8Array> =>
  new Uint8Array(await response.arrayBuffer())
const decoded = (body: Record<string, unknown>) => Buffer.from(String(body.data), 'base64')

describe('a download by the ids of the message', () => {
  it.each([
    ['image', 'downloadimage', content('png', 5_000), 'image/png', 'file.png', {}],
    ['video', 'downloadvideo', content('mp4', 9_000), 'video/mp4', 'file.mp4', {}],
    ['voice', 'downloadaudio', content('ogg', 700), 'audio/ogg', 'file.ogx', { duration: 1_000 }],
    [
      'document',
      'downloaddocument',
      content('pdf', 8_000),
      'application/pdf',
      'Отчёт.pdf',
      { fileName: 'Отчёт.pdf' },
    ],
  ] as const)('of a %s gives the same bytes as they were sent', async (kind, path, sent, mimeType, name, more) => {
    const { send, json, bytes } = await setup()
    const place = await send(kind, sent, more)
    const { status, body } = await json(path, place)
    expect([status, body.size]).toEqual([200, sent.length])
    expect(await hashOf([decoded(body)])).toBe(await hashOf([sent]))
    const response = await bytes(path, place)
    expect(response.headers.get('content-length')).toBe(String(sent.length))
    expect(response.headers.get('content-disposition')).toContain(
      `filename*=UTF-8''${encodeURIComponent(kind === 'document' ? name : '')}`,
    )
    expect(await hashOf([await bodyOf(response)])).toBe(await hashOf([sent]))
    if (kind !== 'voice') expect(body.mimeType).toBe(mimeType)
  })

  it('chooses among several by index or id', async () => {
    const { me, chatId, json, attachOf } = await setup()
    const photos = [1, 2, 3].map((seed) => content('png', 500 + seed, seed))
    const image = photos.map((photo) => Buffer.from(photo).toString('base64'))
    const { messageId } = await me.ok('POST', '/chat/send/image', { chatId, image })
    const place = { chatId, messageId: String(messageId) }
    const second = await json('downloadimage', { ...place, index: 1 })
    expect(second.body.size).toBe(502)
    const { photoId } = await attachOf(String(messageId))
    expect((await json('downloadimage', { ...place, photoId })).body.size).toBe(501)
    expect(await json('downloadimage', { ...place, index: 3 })).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', details: { attachments: 3 } },
    })
  })

  it('of a forwarded message finds what was forwarded', async () => {
    const { send, friend, chatId, json } = await setup()
    const place = await send('image', content('png', 321))
    const forwarded = await friend.ok('POST', '/chat/forward', {
      chatId,
      fromChatId: chatId,
      messageIds: [place.messageId],
    })
    const [first] = forwarded.messages as { messageId: string }[]
    const messageId = first?.messageId
    expect((await json('downloadimage', { chatId, messageId })).body.size).toBe(321)
  })

  it('[defect 33] takes message ids as numbers and as strings', async () => {
    const { send, friend, chatId } = await setup()
    const { messageId } = await send('image', content('png', 99))
    const text = `{"chatId":${chatId},"messageId":${messageId}}`
    const answer = await world.edge.request('POST', '/chat/downloadimage', {
      token: friend.token,
      body: text,
    })
    expect(answer.body.size).toBe(99)
  })

  it('takes the best quality of a video, or the best up to the one that is wanted', async () => {
    const { send, bytes } = await setup()
    const place = await send('video', content('mp4', 9_000))
    const sizes = async (more: object) =>
      Number((await bytes('downloadvideo', { ...place, ...more })).headers.get('content-length'))
    expect(await sizes({})).toBe(9_000)
    expect(await sizes({ quality: 720 })).toBe(4_500)
    expect(await sizes({ quality: 1 })).toBe(3_000)
  })

  it('needs the message and a place in its chat', async () => {
    const { send, json } = await setup()
    const { messageId, chatId } = await send('document', content('pdf', 9))
    expect(await json('downloaddocument', { chatId })).toMatchObject({
      status: 400,
      body: { field: 'messageId' },
    })
    for (const place of [
      { chatId, messageId: '115912345678901235' },
      { chatId: 1, messageId },
    ]) {
      expect(await json('downloaddocument', place)).toMatchObject({ status: 404 })
    }
  })
})

describe('the bytes of a download', () => {
  it('come in ranges', async () => {
    const { send, bytes } = await setup()
    const sent = content('pdf', 1_000)
    const place = await send('document', sent)
    const response = await bytes('downloaddocument', place, { range: 'bytes=10-19' })
    expect([response.status, response.headers.get('content-range')]).toEqual([
      206,
      'bytes 10-19/1000',
    ])
    expect(await bodyOf(response)).toEqual(sent.slice(10, 20))
    const beyond = await bytes('downloaddocument', place, { range: 'bytes=1000-' })
    expect(beyond.status).toBe(400)
  })

  it('come to a plain GET too, and can do no harm in a browser', async () => {
    const { send, fetchBytes } = await setup()
    const sent = content('jpeg', 2_000)
    const { chatId, messageId } = await send('image', sent)
    const response = await fetchBytes(
      'GET',
      `/chat/media/file?chatId=${chatId}&messageId=${messageId}`,
    )
    expect(await bodyOf(response)).toEqual(sent)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'request-id': expect.any(String),
    })
  })

  it('are more than base64 would take', async () => {
    const { send, json, bytes } = await setup()
    const sent = content('bytes', 11 * MiB)
    const place = await send('document', sent)
    expect(await json('downloaddocument', place)).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE', error: expect.stringContaining('octet-stream') },
    })
    const response = await bytes('downloaddocument', place)
    expect(await hashOf([await bodyOf(response)])).toBe(await hashOf([sent]))
  })

  it('break off when the transfer does: a part is never taken for the whole', async () => {
    const { send, bytes, fault } = await setup()
    const place = await send('document', content('bytes', 300_000))
    fault('download_cut')
    const response = await bytes('downloaddocument', place)
    await expect(response.arrayBuffer()).rejects.toThrow()
  })
})

describe('what goes wrong at MAX is no data', () => {
  it('[defect 48] a transfer that breaks off is an error', async () => {
    const { send, json, fault } = await setup()
    const place = await send('document', content('bytes', 300_000))
    fault('download_cut')
    expect(await json('downloaddocument', place)).toMatchObject({
      status: 502,
      body: { code: 'TRANSFER_FAILED' },
    })
  })

  it('[defect 48] a 404 of the server is a 404 of ours', async () => {
    const { send, json, fault } = await setup()
    const place = await send('document', content('bytes', 30))
    fault('link_expired', 2)
    expect(await json('downloaddocument', place)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', details: { status: 404 } },
    })
  })

  it('a link that has run out is replaced by a new one', async () => {
    const { send, json, fault } = await setup()
    const place = await send('image', content('png', 77))
    world.sim.settings.photoLinkTtlMs = 1
    const old = await send('image', content('png', 78))
    world.sim.settings.photoLinkTtlMs = 60_000
    expect((await json('downloadimage', old)).body.size).toBe(78)
    fault('link_expired')
    expect((await json('downloadimage', place)).body.size).toBe(77)
    world.sim.settings.photoLinkTtlMs = 0
  })

  it('a slow server is waited for', async () => {
    const { send, json, fault } = await setup()
    const place = await send('document', content('bytes', 300_000))
    fault('download_slow')
    expect((await json('downloaddocument', place)).body.size).toBe(300_000)
  })
})

describe("the original's form by url", () => {
  it("takes links to MAX's media servers", async () => {
    const { send, json, attachOf } = await setup()
    const { messageId } = await send('image', content('png', 55))
    const { baseUrl } = await attachOf(messageId)
    expect((await json('downloadimage', { url: baseUrl })).body.size).toBe(55)
    expect((await json('downloadaudio', { url: baseUrl })).body.size).toBe(55)
  })

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'https://example.com/photo.jpg',
    'https://oneme.ru.example.com/x',
    'https://user@sandbox/media/photo/1',
    'file:///etc/passwd',
    'nonsense',
  ])('[defect 23] fetches nothing else: %s', async (url) => {
    const { json } = await setup()
    for (const path of ['downloadimage', 'downloadaudio'] as const) {
      expect(await json(path, { url })).toMatchObject({
        status: 400,
        body: { code: 'INVALID_INPUT', field: 'url' },
      })
    }
  })
})

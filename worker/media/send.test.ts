import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { content, hashOf, streamOf } from '../../test/support/content.ts'
import { startLiveEdge } from '../../test/support/live-edge.ts'

const MiB = 1024 * 1024
type World = Awaited<ReturnType<typeof startLiveEdge>>
let world: World
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

interface Attach {
  _type: string
  name?: string
  [field: string]: unknown
}
interface Sent {
  status: number
  body: {
    messageId?: string
    code?: string
    error?: string
    field?: string
    [field: string]: unknown
  }
  headers: Headers
}

/** A pair, ways to send in all forms, and what the other one finds in the chat. */
const setup = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const request = async (path: string, init: RequestInit): Promise<Sent> => {
    const headers = new Headers(init.headers)
    headers.set('token', me.token)
    const all = { method: 'POST', duplex: 'half', ...init, headers } as RequestInit
    const response = await world.edge.app.fetch(new Request(`http://gateway${path}`, all))
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Sent['body'],
    }
  }
  const json = (kind: string, fields: object, headers: Record<string, string> = {}) =>
    request(`/chat/send/${kind}`, {
      body: JSON.stringify({ chatId, ...fields }),
      headers: { 'content-type': 'application/json', ...headers },
    })
  const form = (kind: string, build: (data: FormData) => void) => {
    const data = new FormData()
    build(data)
    return request(`/chat/send/${kind}`, { body: data })
  }
  const raw = (kind: string, query: string, body: BodyInit, headers: Record<string, string> = {}) =>
    request(`/chat/send/${kind}?chatId=${chatId}${query}`, {
      body,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    })
  const attaches = async (): Promise<Attach[]> => {
    const { messages } = await friend.ok('POST', '/chat/history', { chatId })
    return (messages as { attaches: Attach[] }[]).flatMap((message) => message.attaches)
  }
  const uploads = () => world.sim.direct.uploads.filter(({ ownerId }) => ownerId === me.account.id)
  const fault = (kind: 'upload_broken' | 'upload_refused' | 'upload_slow', count = 1) =>
    world.sim.direct.fault({ kind, userId: me.account.id, code: 'NO_LUCK', delayMs: 50, count })
  return { me, friend, chatId, request, json, form, raw, attaches, uploads, fault }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const blob = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes])

describe('content arrives byte for byte', () => {
  it.each([
    ['base64', (bytes: Uint8Array) => base64(bytes)],
    ['a data: URL', (bytes: Uint8Array) => `data:image/png;base64,${base64(bytes)}`],
    ['base64 with line breaks', (bytes: Uint8Array) => base64(bytes).replace(/.{76}/g, '$&\n')],
    ['base64 of the URL alphabet', (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')],
  ])('as %s, short and long', async (_form, write) => {
    const { json, uploads } = await setup()
    const sizes = [30, 300 * 1024]
    for (const size of sizes) {
      const bytes = content('png', size, size)
      expect(await json('image', { image: write(bytes) })).toMatchObject({ status: 200 })
      expect(uploads().at(-1)).toMatchObject({ sizeBytes: size, sha256: await hashOf([bytes]) })
    }
  })

  it('in base64 of 16 MiB', async () => {
    const { json, uploads } = await setup()
    const bytes = content('bytes', 16 * MiB)
    expect(await json('document', { document: base64(bytes) })).toMatchObject({ status: 200 })
    expect(uploads().at(-1)?.sha256).toBe(await hashOf([bytes]))
  })

  it('as a form, whatever the order of its parts, small or too large for memory', async () => {
    const { form, chatId, uploads, attaches } = await setup()
    for (const size of [1, 11 * MiB]) {
      const bytes = content('bytes', size)
      const sent = await form('document', (data) => {
        data.append('caption', 'Привет')
        data.append('file', blob(bytes), 'Отчёт "1" 年.pdf')
        data.append('chatId', String(chatId))
      })
      expect(sent).toMatchObject({ status: 200 })
      expect(uploads().at(-1)?.sha256).toBe(await hashOf([bytes]))
    }
    expect(await attaches()).toMatchObject([
      { name: 'Отчёт "1" 年.pdf', size: 1 },
      { name: 'Отчёт "1" 年.pdf', size: 11 * MiB },
    ])
    const spooled = [...world.edge.bucket.objects.keys()].filter((key) => key.startsWith('spool/'))
    expect(spooled).toEqual([])
  })

  it('as a raw body, with and without a length', async () => {
    const { raw, uploads, attaches } = await setup()
    const bytes = content('mp4', 200_000)
    const known = { 'content-length': '200000', 'x-file-name': encodeURIComponent('кино.mp4') }
    expect(await raw('video', '&caption=hi', streamOf([bytes]), known)).toMatchObject({
      status: 200,
    })
    const unknown = {
      'content-disposition': "attachment; filename*=UTF-8''%D0%BB%D0%B8%D1%81%D1%82",
    }
    expect(await raw('document', '', streamOf([bytes]), unknown)).toMatchObject({ status: 200 })
    for (const { sha256 } of uploads()) expect(sha256).toBe(await hashOf([bytes]))
    expect(await attaches()).toMatchObject([{ _type: 'VIDEO' }, { _type: 'FILE', name: 'лист' }])
  })

  it('as a sound file, under its name', async () => {
    const { raw, uploads, attaches } = await setup()
    const bytes = content('ogg', 9_000)
    expect(await raw('audio', '&fileName=song.ogg', streamOf([bytes]))).toMatchObject({
      status: 200,
    })
    expect(uploads().at(-1)?.sha256).toBe(await hashOf([bytes]))
    expect(await attaches()).toMatchObject([{ _type: 'FILE', name: 'song.ogg' }])
  })

  it('from the storage of the tenant, and from nobody else', async () => {
    const { json, me, uploads, friend } = await setup()
    const bytes = content('pdf', 5_000)
    const key = `users/${me.id}/outbox/report.pdf`
    await world.edge.bucket.put(key, bytes)
    expect(await json('document', { storageKey: key })).toMatchObject({ status: 200 })
    expect(uploads().at(-1)).toMatchObject({ name: 'report.pdf', sha256: await hashOf([bytes]) })
    for (const foreign of [`users/${friend.id}/outbox/report.pdf`, `users/${me.id}/none`]) {
      await world.edge.bucket.put(`users/${friend.id}/outbox/report.pdf`, bytes)
      expect(await json('document', { storageKey: foreign })).toMatchObject({
        status: 404,
        body: { field: 'storageKey' },
      })
    }
  })
})

describe('a message with media', () => {
  it('carries its caption, its markup and its answer, as the original and more', async () => {
    const { json, friend, chatId } = await setup()
    const image = base64(content('jpeg', 500))
    const fields = { image, caption: 'Hello **there**', format: 'markdown', notify: false }
    const { body } = await json('image', fields)
    expect(body).toMatchObject({
      success: true,
      chatId,
      messageId: expect.stringMatching(/^\d{18}$/),
    })
    const event = await friend.session.event('Message')
    expect(event.event?.message).toMatchObject({
      id: body.messageId,
      text: 'Hello there',
      elements: [{ type: 'STRONG' }],
      attaches: [{ _type: 'PHOTO', baseUrl: expect.any(String) }],
    })
  })

  it('holds several photos, from a list and from a form', async () => {
    const { json, form, chatId, attaches } = await setup()
    const photo = (seed: number) => base64(content('png', 500, seed))
    expect(await json('image', { image: [photo(1), photo(2)] })).toMatchObject({ status: 200 })
    const media = [3, 4].map((seed) => ({ type: 'image', data: photo(seed) }))
    expect(await json('media', { media })).toMatchObject({ status: 200 })
    const sent = await form('image', (data) => {
      data.append('chatId', String(chatId))
      for (const seed of [5, 6]) data.append('file', blob(content('png', 500, seed)), 'a.png')
    })
    expect(sent).toMatchObject({ status: 200 })
    expect(await attaches()).toHaveLength(6)
  })

  it('with anything but photos beside something is refused before an upload', async () => {
    const { json, uploads } = await setup()
    const data = base64(content('mp4', 500))
    const media = [
      { type: 'image', data: base64(content('png', 500)) },
      { type: 'video', data },
    ]
    expect(await json('media', { media })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_INPUT' },
    })
    expect(uploads()).toEqual([])
  })

  it('as a voice message has a length and a wave; the length is read from the recording', async () => {
    const { json, attaches } = await setup()
    const wave = Array.from({ length: 80 }, (_, at) => at)
    const voice = base64(content('ogg', 900))
    expect(await json('voice', { voice, duration: 4_200, wave })).toMatchObject({ status: 200 })
    const page = Buffer.from(content('ogg', 900))
    page.write('OpusHead', 28, 'latin1')
    page.writeUInt16LE(312, 38)
    page.write('OggS', 800, 'latin1')
    page.writeBigInt64LE(BigInt(312 + 48_000 * 3), 806)
    expect(await json('voice', { voice: base64(page) })).toMatchObject({ status: 200 })
    expect(await attaches()).toMatchObject([
      { _type: 'AUDIO', duration: 4_200 },
      { _type: 'AUDIO', duration: 3_000 },
    ])
  })

  it('as a voice message of unknown length asks for it', async () => {
    const { json } = await setup()
    expect(await json('voice', { voice: base64(content('ogg', 900)) })).toMatchObject({
      status: 400,
      body: { field: 'duration' },
    })
  })

  it('as a voice message goes as a form where MAX wants one', async () => {
    world.sim.settings.rawVoice = false
    const { json, attaches } = await setup()
    const sent = await json('voice', { voice: base64(content('ogg', 900)), duration: 1_000 })
    world.sim.settings.rawVoice = true
    expect(sent).toMatchObject({ status: 200 })
    expect(await attaches()).toMatchObject([{ _type: 'AUDIO' }])
  })

  it('as a round video is told apart from a video', async () => {
    const { json, attaches } = await setup()
    const videonote = base64(content('mp4', 900))
    expect(await json('videonote', { videonote, duration: 2_000 })).toMatchObject({ status: 200 })
    expect(await attaches()).toMatchObject([{ _type: 'VIDEO', videoType: 1, duration: 2_000 }])
  })

  it('[defect 34] with numeric ids on the wire is told as sent, under a string id', async () => {
    const { json } = await setup()
    const { status, body } = await json('document', { document: base64(content('pdf', 99)) })
    expect([status, typeof body.messageId]).toEqual([200, 'string'])
  })
})

describe('one Idempotency-Key is one message', () => {
  const key = { 'idempotency-key': 'photo-1' }

  it('and a repeated request uploads nothing', async () => {
    const { json, uploads, attaches } = await setup()
    const fields = { image: base64(content('png', 500)) }
    const first = await json('image', fields, key)
    const count = uploads().filter(({ state }) => state === 'received').length
    const again = await json('image', fields, key)
    expect(again.body.messageId).toBe(first.body.messageId)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(uploads().filter(({ state }) => state === 'received')).toHaveLength(count)
    expect(await attaches()).toHaveLength(1)
  })

  it('and another file or text under it is refused', async () => {
    const { json } = await setup()
    const image = base64(content('png', 500))
    await json('image', { image }, key)
    for (const fields of [{ image, caption: 'x' }, { image: base64(content('png', 501)) }]) {
      expect(await json('image', fields, key)).toMatchObject({
        status: 422,
        body: { code: 'IDEMPOTENCY_MISMATCH' },
      })
    }
  })

  it('and a request that does not wait is answered with 202', async () => {
    const { json } = await setup()
    const document = base64(content('pdf', 500))
    const sent = await json('document', { document }, { prefer: 'respond-async' })
    expect(sent).toMatchObject({ status: 202, body: { id: expect.stringMatching(/^msg_/) } })
  })
})

describe('what MAX would not take is refused before it is uploaded', () => {
  it.each([
    ['image', { image: base64(content('pdf', 99)) }, 415, 'UNSUPPORTED_MEDIA'],
    ['video', { video: base64(content('png', 99)) }, 415, 'UNSUPPORTED_MEDIA'],
    [
      'document',
      { document: base64(content('bytes', 9)), fileName: 'a.EXE' },
      415,
      'UNSUPPORTED_MEDIA',
    ],
    ['document', { document: '' }, 400, 'INVALID_INPUT'],
    ['document', { document: 'no base64!' }, 400, 'INVALID_INPUT'],
    ['document', { document: 'data:text/plain,x' }, 400, 'INVALID_INPUT'],
    ['document', {}, 400, 'INVALID_INPUT'],
    ['document', { document: 'QQ==', url: 'https://example.com/' }, 400, 'INVALID_INPUT'],
    ['document', { document: 'QQ==', chatId: 'x' }, 400, 'INVALID_INPUT'],
  ])('[defect 41] %s %#', async (kind, fields, status, code) => {
    const { json, uploads } = await setup()
    expect(await json(kind, fields)).toMatchObject({ status, body: { code } })
    expect(uploads()).toEqual([])
  })

  it('a photo of more than 40 MiB, in a form', async () => {
    const { form, chatId, uploads } = await setup()
    const sent = await form('image', (data) => {
      data.append('chatId', String(chatId))
      data.append('file', blob(content('png', 41 * MiB)), 'big.png')
    })
    expect(sent).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
    expect(uploads()).toEqual([])
    expect(world.edge.bucket.objects.size).toBeGreaterThanOrEqual(0)
  })

  it('a form without an end, or with none at all', async () => {
    const { request, chatId } = await setup()
    const path = `/chat/send/document?chatId=${chatId}`
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const cut = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    for (const body of [cut, 'nothing of the kind']) {
      expect(await request(path, { body, headers })).toMatchObject({
        status: 400,
        body: { code: 'INVALID_INPUT' },
      })
    }
    expect(world.edge.bucket.openUploads).toBe(0)
  })
})

describe('an upload that goes wrong', () => {
  it('is repeated in another slot while its content can be read again', async () => {
    const { json, fault, attaches, uploads } = await setup()
    fault('upload_broken', 2)
    const document = base64(content('bytes', 1_000))
    expect(await json('document', { document })).toMatchObject({ status: 200 })
    expect(await attaches()).toHaveLength(1)
    expect(uploads().map(({ state }) => state)).toEqual(['issued', 'issued', 'received'])
  })

  it('ends with an error where the content came once, and nothing is sent', async () => {
    const { raw, fault, attaches } = await setup()
    fault('upload_broken')
    const body = streamOf([content('bytes', 300_000)])
    const sent = await raw('document', '', body, { 'content-length': '300000' })
    expect(sent).toMatchObject({ status: 502, body: { code: 'TRANSFER_FAILED' } })
    expect(await attaches()).toEqual([])
  })

  it('[defect 48] is found in an answer of status 200, and told with the words of MAX', async () => {
    const { json, fault, attaches } = await setup()
    fault('upload_refused')
    const sent = await json('document', { document: base64(content('bytes', 9)) })
    expect(sent).toMatchObject({
      status: 422,
      body: { code: 'MAX_REFUSED', maxError: { code: 'NO_LUCK' } },
    })
    expect(await attaches()).toEqual([])
  })

  it.each([
    299_999, 300_001,
  ])('is noticed when the body has %i bytes and said 300000', async (size) => {
    const { raw, attaches } = await setup()
    const body = streamOf([content('bytes', size)])
    const sent = await raw('document', '', body, { 'content-length': '300000' })
    expect(sent).toMatchObject({ status: 422, body: { code: 'SOURCE_FAILED' } })
    expect(await attaches()).toEqual([])
  })
})

describe('[defect 23] a URL that leads into a private network is refused', () => {
  it.each([
    'http://example.com/photo.jpg',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f000001/x',
    'https://0177.0.0.1/x',
    'https://10.0.0.1/x',
    'https://192.168.1.1/x',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/x',
    'https://[::ffff:10.0.0.1]/x',
    'https://[fd00::1]/x',
    'https://localhost/x',
    'https://db.internal/x',
    'https://user:secret@example.com/x',
  ])('%s', async (url) => {
    const { json, uploads } = await setup()
    const kinds = [json('image', { image: url }), json('document', { url })]
    const media = [{ type: 'video', url }]
    for (const answer of await Promise.all([...kinds, json('media', { media })])) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } })
      expect(answer.body.error).not.toContain('secret')
    }
    expect(uploads()).toEqual([])
  })

  it.each(['ftp://example.com/x', 'file:///etc/passwd', 'nonsense'])('%s', async (url) => {
    const { json } = await setup()
    expect(await json('document', { url })).toMatchObject({ status: 400, body: { field: 'url' } })
  })
})

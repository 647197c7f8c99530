import { describe, expect, it } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { asMap, asMaps, type WireMap } from '../../schema/wire.ts'
import { createPair } from '../../test/sandbox/line.ts'
import { type ContentKind, content, hashOf } from '../../test/support/content.ts'
import type { Settings } from '../settings.ts'
import { LineCut } from './upload-server.ts'

const setup = (settings: Partial<Settings> = {}) => {
  const pair = createPair({ settings })
  const { sim, clock, chatId, annaLine } = pair
  const serve = (url: unknown, init?: RequestInit) =>
    sim.media.serve(new Request(String(url), init))
  const slot = (opcode: number, extra: WireMap = {}) =>
    asMap(asMaps(annaLine.call(opcode, { count: 1, ...extra }).info)[0])
  const raw = (
    url: unknown,
    bytes: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    serve(url, {
      method: 'POST',
      body: bytes,
      headers: { 'content-range': `0-${bytes.length - 1}/${bytes.length}`, ...headers },
    })
  const form = (url: unknown, bytes: Uint8Array<ArrayBuffer>, part = 'file') => {
    const body = new FormData()
    body.append(part, new Blob([bytes], { type: 'image/png' }), 'image.png')
    return serve(url, { method: 'POST', body })
  }
  const photo = async (bytes = content('png', 500)) => {
    const { url } = annaLine.call(Opcode.PHOTO_UPLOAD, { count: 1 })
    const answer = (await (await form(url, bytes)).json()) as { photos: Record<string, unknown> }
    const key = new URL(String(url)).searchParams.get('photoIds') ?? ''
    return { _type: 'PHOTO', photoToken: asMap(answer.photos[key] as WireMap).token }
  }
  const video = async (size = 3_000) => {
    const { url, videoId, token } = slot(Opcode.VIDEO_UPLOAD, { type: 0 })
    await raw(url, content('mp4', size))
    return { _type: 'VIDEO', videoId, token, videoType: 0 }
  }
  const send = (attaches: WireMap[], cid = 900) => ({
    chatId,
    message: { cid, attaches },
    notify: true,
  })
  const post = (attaches: WireMap[], cid?: number) =>
    asMap(annaLine.call(Opcode.MSG_SEND, send(attaches, cid)).message)
  const refusal = (attaches: WireMap[], cid?: number) =>
    annaLine.refusal(Opcode.MSG_SEND, send(attaches, cid))
  const ready = () => clock.advance(300)
  return { ...pair, serve, slot, raw, form, photo, video, post, refusal, ready }
}

const errorOf = async (answer: Promise<Response>): Promise<unknown> => {
  const response = await answer
  expect(response.status).toBe(200)
  return ((await response.json()) as { error_data?: string }).error_data
}

describe('an upload', () => {
  it('of a photo is multipart, answered under the key of the URL, and sendable at once', async () => {
    const { photo, post, bobLine, serve } = setup()
    const bytes = content('png', 500)
    const { attaches } = post([await photo(bytes)])
    const [attach] = asMaps(attaches)
    expect(attach).toMatchObject({ _type: 'PHOTO', width: 800, height: 600 })
    expect(asMap(bobLine.take(Opcode.NOTIF_MESSAGE)[0]?.message).attaches).toEqual(attaches)
    const got = await serve(attach?.baseUrl)
    expect(await hashOf([new Uint8Array(await got.arrayBuffer())])).toBe(await hashOf([bytes]))
  })

  it('of a photo as raw bytes, or of something that is no image, is an error under status 200', async () => {
    const { annaLine, raw, form } = setup()
    const url = () => annaLine.call(Opcode.PHOTO_UPLOAD, { count: 1 }).url
    expect(await errorOf(raw(url(), content('png', 99)))).toBe('BAD_REQUEST')
    expect(await errorOf(form(url(), content('png', 99), 'photo'))).toBe('BAD_REQUEST')
    expect(await errorOf(form(url(), content('pdf', 99)))).toBe('PHOTO_VALIDATION_FAILED')
    expect(await errorOf(form(url(), content('png', 41 * 1024 * 1024)))).toBe(
      'PHOTO_VALIDATION_FAILED',
    )
  })

  it('of a file keeps its name in any language and is ready 300 ms later, with a push', async () => {
    const { slot, raw, annaLine, clock, post, refusal } = setup()
    const { url, fileId } = slot(Opcode.FILE_UPLOAD)
    const name = 'Отчёт "1" 年.pdf'
    const headers = {
      'content-disposition': `attachment; filename=${encodeURIComponent(name)}`,
    }
    expect((await raw(url, content('pdf', 1_000), headers)).status).toBe(200)
    const attach = { _type: 'FILE', fileId }
    clock.advance(299)
    expect(annaLine.take(Opcode.NOTIF_ATTACH)).toEqual([])
    expect(refusal([attach], 1)).toBe('attachment.not.ready')
    clock.advance(1)
    expect(annaLine.take(Opcode.NOTIF_ATTACH)).toEqual([{ fileId }])
    expect(post([attach], 1).attaches).toMatchObject([{ fileId, name, size: 1_000 }])
  })

  it('takes both forms of Content-Range and no wrong one', async () => {
    const { slot, raw } = setup()
    const bytes = content('bytes', 10)
    const upload = (range: string) =>
      raw(slot(Opcode.FILE_UPLOAD).url, bytes, { 'content-range': range })
    expect(await errorOf(upload('bytes 0-9/10'))).toBeUndefined()
    expect(await errorOf(upload('0-9/10'))).toBeUndefined()
    expect(await errorOf(upload('bytes 0-10/11'))).toBe('BAD_RANGE')
  })

  it('looks at what it gets', async () => {
    const { slot, raw } = setup()
    const at = (opcode: number, type = 0) => slot(opcode, { type }).url
    expect(await errorOf(raw(at(Opcode.VIDEO_UPLOAD), content('pdf', 9)))).toBe(
      'VIDEO_VALIDATION_FAILED',
    )
    expect(await errorOf(raw(at(Opcode.VIDEO_UPLOAD, 2), content('mp4', 99)))).toBe(
      'AUDIO_VALIDATION_FAILED',
    )
    const exe = { 'content-disposition': 'attachment; filename=setup.exe' }
    expect(await errorOf(raw(at(Opcode.FILE_UPLOAD), content('bytes', 9), exe))).toBe(
      'FILE_EXTENSION_FORBIDDEN',
    )
  })

  it('goes to its own slot once, and not after its time', async () => {
    const { slot, raw, clock } = setup()
    const { url } = slot(Opcode.FILE_UPLOAD)
    await raw(url, content('bytes', 5))
    expect(await errorOf(raw(url, content('bytes', 5)))).toBe('BAD_REQUEST')
    const late = slot(Opcode.FILE_UPLOAD)
    clock.advance(3_600_000)
    expect((await raw(late.url, content('bytes', 5))).status).toBe(410)
    const forged = String(late.url).replace(/apiToken=\w/, 'apiToken=x')
    expect((await raw(forged, content('bytes', 5))).status).toBe(403)
  })
})

describe('a send with an upload', () => {
  it('is refused with the newer key where the setting says so', async () => {
    const { video, refusal } = setup({ notReady: 'errors.process.attachment' })
    expect(refusal([await video()])).toBe('errors.process.attachment.video.not.ready')
  })

  it('takes several photos, and a file or a voice message alone', async () => {
    const { photo, post, refusal, slot, raw, ready } = setup()
    const { url, fileId } = slot(Opcode.FILE_UPLOAD)
    await raw(url, content('bytes', 5))
    ready()
    const photos = [await photo(), await photo()]
    expect(asMaps(post(photos).attaches)).toHaveLength(2)
    expect(refusal([...photos, { _type: 'FILE', fileId }])).toBe('proto.payload')
  })

  it('of another account, or of an empty slot, is refused', async () => {
    const { photo, refusal, annaLine, bobLine, chatId, slot } = setup()
    const attach = await photo()
    const stolen = { chatId, message: { cid: 1, attaches: [attach] }, notify: true }
    expect(bobLine.refusal(Opcode.MSG_SEND, stolen)).toBe(
      'errors.process.attachment.photo.not.owner',
    )
    const { fileId } = slot(Opcode.FILE_UPLOAD)
    expect(refusal([{ _type: 'FILE', fileId }])).toBe('attachment.token.expired')
    expect(annaLine.take(Opcode.NOTIF_ATTACH)).toEqual([])
  })

  it('keeps a photo when an edit sends it back', async () => {
    const { photo, post, annaLine, chatId } = setup()
    const message = post([await photo()])
    const edit = { chatId, messageId: message.id, text: 'new', elements: [] }
    const edited = annaLine.call(Opcode.MSG_EDIT, { ...edit, attachments: message.attaches })
    expect(asMap(edited.message).attaches).toEqual(message.attaches)
  })
})

describe('a download', () => {
  const withVideo = async (settings: Partial<Settings> = {}) => {
    const stage = setup(settings)
    const attach = await stage.video()
    stage.ready()
    const message = stage.post([attach])
    const place = { chatId: stage.chatId, messageId: message.id, videoId: attach.videoId }
    const play = () => stage.bobLine.call(Opcode.VIDEO_PLAY, place)
    const get = (url: unknown, headers: Record<string, string> = {}) =>
      stage.serve(url, { headers: { 'user-agent': 'Mozilla/5.0 Chrome/140', ...headers } })
    return { ...stage, play, get, place }
  }

  it('of a video offers qualities, and is for the kind of browser that asked', async () => {
    const { play, get, serve } = await withVideo()
    const answer = play()
    expect(Object.keys(answer)).toEqual(['MP4_1080', 'MP4_480', 'MP4_240', 'EXTERNAL', 'cache'])
    const whole = await get(answer.MP4_1080)
    expect(whole.headers.get('content-length')).toBe('3000')
    expect((await get(answer.MP4_240)).headers.get('content-length')).toBe('1000')
    expect((await serve(answer.MP4_1080)).status).toBe(400)
    expect((await get(answer.MP4_1080, { origin: 'https://example.com' })).status).toBe(400)
  })

  it.each([
    ['bytes=10-19', 206, 'bytes 10-19/3000', 10],
    ['bytes=2990-', 206, 'bytes 2990-2999/3000', 10],
    ['bytes=-5', 206, 'bytes 2995-2999/3000', 5],
    ['bytes=2999-9999', 206, 'bytes 2999-2999/3000', 1],
    ['bytes=3000-', 416, 'bytes */3000', 16],
  ])('serves the range %s', async (range, status, contentRange, length) => {
    const { play, get } = await withVideo()
    const answer = await get(play().MP4_1080, { range })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([status, contentRange])
    expect((await answer.arrayBuffer()).byteLength).toBe(length)
  })

  it('ends with the life of its link, and needs the right one', async () => {
    const { play, get, clock } = await withVideo()
    const url = String(play().MP4_1080)
    expect((await get(url.replace('1080', '480'))).status).toBe(403)
    clock.advance(3_600_000)
    expect((await get(url)).status).toBe(403)
  })

  it('is for those who see the message', async () => {
    const { sim, place, bobLine } = await withVideo()
    const other = { ...place, videoId: Number(place.videoId) + 1 }
    expect(bobLine.refusal(Opcode.VIDEO_PLAY, other)).toBe('not.found')
    expect(bobLine.refusal(Opcode.VIDEO_PLAY, { ...place, chatId: 1 })).toBe('chat.not.found')
    expect(sim.direct.uploads).toMatchObject([{ kind: 'video', sizeBytes: 3_000 }])
  })

  it('of a photo works again with a refreshed link', async () => {
    const { photo, post, bobLine, clock, serve } = setup({ photoLinkTtlMs: 1_000 })
    const [attach] = asMaps(post([await photo()]).attaches)
    clock.advance(1_000)
    expect((await serve(attach?.baseUrl)).status).toBe(403)
    const { media } = bobLine.call(Opcode.PHOTO_URL_REFRESH, { media: [attach ?? {}] })
    expect((await serve(asMaps(media)[0]?.baseUrl)).status).toBe(200)
  })
})

describe('a fault of the media servers', () => {
  const fault = { code: 'NO_LUCK', delayMs: 1_000, count: 1 }
  const fileUpload = (stage: ReturnType<typeof setup>, kind: ContentKind = 'bytes') => {
    const { url, fileId } = stage.slot(Opcode.FILE_UPLOAD)
    return { attach: { _type: 'FILE', fileId }, answer: stage.raw(url, content(kind, 100)) }
  }

  it('strikes one upload and leaves the operations of the socket alone', async () => {
    const stage = setup()
    stage.sim.direct.fault({ ...fault, kind: 'upload_refused' })
    expect(stage.annaLine.refusal(Opcode.PING, {})).toBe('none')
    expect(await errorOf(fileUpload(stage).answer)).toBe('NO_LUCK')
    expect(await errorOf(fileUpload(stage).answer)).toBeUndefined()
  })

  it('breaks the line in the middle of an upload; the slot can be filled anew', async () => {
    const stage = setup()
    stage.sim.direct.fault({ ...fault, kind: 'upload_broken' })
    const { url } = stage.slot(Opcode.FILE_UPLOAD)
    const error = await stage.raw(url, content('bytes', 100)).catch((cut: unknown) => cut)
    expect(error).toBeInstanceOf(LineCut)
    expect(await errorOf(stage.raw(url, content('bytes', 100)))).toBeUndefined()
  })

  it('lets content never become ready, or fail', async () => {
    const stage = setup()
    stage.sim.direct.fault({ ...fault, kind: 'never_ready' })
    const stuck = fileUpload(stage)
    await stuck.answer
    stage.clock.advance(600_000)
    expect(stage.refusal([stuck.attach], 1)).toBe('attachment.not.ready')
    stage.sim.direct.fault({ ...fault, kind: 'processing_failed' })
    const failed = fileUpload(stage)
    await failed.answer
    stage.ready()
    expect(stage.annaLine.take(Opcode.NOTIF_ATTACH)).toMatchObject([
      { error: 'errors.process.attachment.not.supported' },
    ])
    expect(stage.refusal([failed.attach], 2)).toBe('errors.process.attachment.file.not.supported')
  })

  it('cuts a download in half, or says that the link is no more', async () => {
    const stage = setup()
    const [attach] = asMaps(stage.post([await stage.photo(content('png', 1_000))]).attaches)
    stage.sim.direct.fault({ ...fault, kind: 'download_cut' })
    const cut = await stage.serve(attach?.baseUrl)
    expect(cut.headers.get('content-length')).toBe('1000')
    expect(await cut.arrayBuffer().catch((error: unknown) => error)).toBeInstanceOf(LineCut)
    stage.sim.direct.fault({ ...fault, kind: 'link_expired' })
    expect((await stage.serve(attach?.baseUrl)).status).toBe(404)
    expect((await stage.serve(attach?.baseUrl)).status).toBe(200)
  })
})

import { describe, expect, it } from 'vitest'
import { mediaKinds } from '../schema/media.ts'
import { Opcode } from '../schema/opcodes.ts'
import type { CourierRpc, FileFacts } from '../schema/received-file.ts'
import { asMap, wireMessageId } from '../schema/wire.ts'
import { content, hashOf } from '../test/support/content.ts'
import { receive } from '../test/support/received.ts'
import { FETCH_RETRY_MS, MAX_WAITING_FILES } from './incoming-media.ts'
import { defaultLimits } from './limits.ts'

const MINUTE = 60_000
const KiB = 1024
const limits = (media: Partial<typeof defaultLimits.media>) => ({
  limits: { media: { ...defaultLimits.media, ...media } },
})
/** A courier that says what it is told to, and counts its errands. */
const scripted = (say: (attempt: number, real: CourierRpc) => CourierRpc['carry']) => {
  const script = {
    errands: 0,
    courier: (real: CourierRpc): CourierRpc => ({
      carry: (...errand) => {
        script.errands += 1
        return say(script.errands, real)(...errand)
      },
    }),
  }
  return script
}
const failure =
  (code: 'TRANSFER_FAILED' | 'NOT_FOUND' | 'STORAGE_FAILED', retryAfterMs?: number) => async () =>
    ({
      ok: false,
      error: { code, message: 'no luck', ...(retryAfterMs && { retryAfterMs }) },
    }) as const
const never = () => new Promise<never>(() => {})

describe('a received file', () => {
  it.each(
    mediaKinds,
  )('[IM1] %s is stored after its message was told of, and linked', async (media) => {
    const { upload, send, files, logged, bucket } = await receive()
    const attach = await upload(media, undefined, 'Файл.bin')
    const sent = send([attach])
    const [event] = await files()
    const message = logged().find(({ type }) => type === 'Message')
    const [attachment] = message?.attachments as { index: number; kind: string; id: number }[]
    expect(event?.sequence).toBe((message?.sequence ?? 0) + 1)
    const stored = bucket.objects.get(String(event?.storageKey))
    expect(event).toMatchObject({
      ...{ chatId: sent.chatId, messageId: sent.messageId, index: attachment?.index },
      ...{ kind: attachment?.kind, mediaId: attachment?.id },
      size: stored?.bytes.length,
      sha256: await hashOf([stored?.bytes ?? new Uint8Array()]),
      contentType: stored?.httpMetadata.contentType,
      url: expect.stringContaining(String(event?.storageKey)),
      urlExpiresAt: expect.stringMatching(/^2026-/),
    })
    const isFile = media === 'audio' || media === 'document'
    expect(event?.name).toBe(isFile ? 'Файл.bin' : undefined)
    expect(event).not.toHaveProperty('base64')
    expect(event).not.toHaveProperty('omitted')
    expect(event).not.toHaveProperty('error')
  })

  it('[IM1] delays no event, however long it takes', async () => {
    const { courier } = scripted(() => never)
    const { upload, send, write, until, world, ready } = await receive({ courier })
    send([await upload('image')])
    write('after')
    const texts = () => world.delivered.map(({ body }) => JSON.parse(body).event?.message?.text)
    await until(() => texts().includes('after'))
    expect(ready()).toEqual([])
  })

  it('[IM2] is written down with its message: a crash at any moment loses none', async () => {
    const { courier } = scripted((attempt, real) => (attempt <= 2 ? never : real.carry))
    const { upload, send, until, files, ready, boot, pass, waiting } = await receive({ courier })
    send([await upload('image'), await upload('image')])
    await until(() => waiting() === 2)
    await pass(boot(), 5_000)
    await files(2)
    expect(ready().map(({ index }) => index)).toEqual([0, 1])
    expect(waiting()).toBe(0)
  })

  it('[IM2] is one event, although a crash came between storing and telling', async () => {
    let crash = (): void => {}
    const { courier } = scripted((attempt, real) => async (...errand) => {
      const reply = await real.carry(...errand)
      if (attempt === 1) crash()
      return reply
    })
    const stage = await receive({ courier })
    crash = stage.crash
    stage.send([await stage.upload('video')])
    await stage.until(() => stage.bucket.objects.size === 1)
    expect(stage.ready()).toEqual([])
    await stage.pass(stage.boot(), 5_000)
    const [event] = await stage.files()
    await stage.rest()
    expect(stage.ready()).toHaveLength(1)
    expect([...stage.bucket.objects.keys()]).toEqual([event?.storageKey])
  })

  it('[IM2] with which the process dies again and again is given up', async () => {
    const script = scripted(() => never)
    const { upload, send, until, files, boot, pass } = await receive({ courier: script.courier })
    send([await upload('image')])
    for (let deaths = 1; deaths <= 5; deaths += 1) {
      await until(() => script.errands === deaths)
      await pass(boot(), 5_000)
    }
    const [event] = await files()
    expect(event).toMatchObject({ error: { code: 'TRANSFER_FAILED' } })
    expect(script.errands).toBe(5)
  })

  it('[IM3] is fetched beside one other at most', async () => {
    let running = 0
    let most = 0
    const { courier } = scripted((_, real) => async (...errand) => {
      running += 1
      most = Math.max(most, running)
      const reply = await real.carry(...errand)
      running -= 1
      return reply
    })
    const { upload, send, files } = await receive({ courier })
    const attach = await upload('image')
    send(Array.from({ length: 6 }, (_, n) => ({ ...attach, photoId: n + 1 })))
    await files(6)
    expect(most).toBe(2)
  })

  it('[IM3] is asked for at a gentle pace', async () => {
    const begun: number[] = []
    let now = (): number => 0
    const { courier } = scripted((_, real) => (...errand) => {
      begun.push(now())
      return real.carry(...errand)
    })
    const { upload, send, files, clock } = await receive({ courier })
    now = () => clock.now()
    for (let n = 0; n < 4; n += 1) send([await upload('document')])
    await files(4)
    const gaps = begun.slice(1).map((at, n) => at - (begun[n] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(250)
  })

  it('[IM4] waits while the session is offline, and costs no attempt', async () => {
    const script = scripted((_, real) => real.carry)
    const stage = await receive({ courier: script.courier })
    const attach = await stage.upload('document')
    await stage.goOffline()
    stage.send([attach])
    await stage.pass(stage.live, MINUTE)
    expect(script.errands).toBe(0)
    await stage.comeBack()
    expect(await stage.files()).toMatchObject([{ kind: 'file', name: 'Пример · Sample.txt' }])
    expect(stage.logged().find(({ type }) => type === 'Message')).toMatchObject({ catchUp: true })
  })
})

it('[IM10] of a tenant that is deleted meanwhile leaves nothing behind', async () => {
  let destroy = async (): Promise<void> => {}
  const { courier } = scripted((_, real) => async (order, placeOf, isWanted) => {
    const destroyed = async (facts: FileFacts) => {
      const place = await placeOf(facts)
      await destroy()
      return place
    }
    return real.carry(order, destroyed, isWanted)
  })
  const stage = await receive({ courier })
  let isDone = false
  destroy = async () => {
    await stage.live.destroy()
    isDone = true
  }
  stage.send([await stage.upload('image')])
  await stage.until(() => isDone)
  await stage.rest()
  expect(stage.bucket.objects.size).toBe(0)
})

describe('what media_delivery says', () => {
  const bytes = content('png', 3 * KiB)

  it.each([
    ['none', {}],
    ['s3', {}],
    ['url', limits({ isOff: true })],
  ] as const)('[IM5] %s: nothing is fetched, and nothing written down (%o)', async (mode, options) => {
    const script = scripted((_, real) => real.carry)
    const stage = await receive({ ...options, courier: script.courier }, { media_delivery: mode })
    stage.send([await stage.upload('image', bytes)])
    await stage.rest()
    expect(stage.waiting()).toBe(0)
    expect([script.errands, stage.ready(), stage.bucket.objects.size]).toEqual([0, [], 0])
  })

  it('[IM5] base64: the content is in the event, and nowhere else', async () => {
    const { upload, send, files, bucket } = await receive({}, { media_delivery: 'base64' })
    send([await upload('image', bytes)])
    const [event] = await files()
    expect(event).toMatchObject({ size: bytes.length, sha256: await hashOf([bytes]) })
    expect(Buffer.from(String(event?.base64), 'base64').equals(bytes)).toBe(true)
    expect(Object.keys(event ?? {})).not.toEqual(expect.arrayContaining(['url']))
    expect(Object.keys(event ?? {})).not.toEqual(expect.arrayContaining(['storageKey']))
    expect(bucket.objects.size).toBe(0)
  })

  it.each([
    ['base64', false],
    ['both', true],
  ] as const)('[IM5] %s: content beyond the limit is marked as omitted', async (mode, isStored) => {
    const options = limits({ inlineBytes: 2 * KiB })
    const { upload, send, files, bucket } = await receive(options, { media_delivery: mode })
    send([await upload('image', bytes), await upload('image', content('png', KiB))])
    const [large, small] = (await files(2)).sort((a, b) => Number(a.index) - Number(b.index))
    expect(large).toMatchObject({ omitted: { reason: 'too_large', size: bytes.length } })
    expect(large).not.toHaveProperty('base64')
    expect(large?.url !== undefined).toBe(isStored)
    expect(small).toMatchObject({ size: KiB, base64: expect.any(String) })
    expect(small).not.toHaveProperty('omitted')
    expect(bucket.objects.size).toBe(isStored ? 2 : 0)
  })

  it('[IM5] what was written down before a change follows the change', async () => {
    const { courier } = scripted((attempt, real) =>
      attempt === 1 ? failure('TRANSFER_FAILED') : real.carry,
    )
    const stage = await receive({ courier })
    stage.send([await stage.upload('image')])
    await stage.until(() => stage.waiting() === 1)
    await stage.live.storage.save({ media_delivery: 'none' })
    await stage.pass(stage.live, MINUTE)
    expect([stage.waiting(), stage.ready()]).toEqual([0, []])
  })
})

describe('a file that is too large', () => {
  it.each(['document', 'image'] as const)('[IM6] is not fetched: %s', async (kind) => {
    const { upload, send, files, bucket } = await receive(limits({ maxBytes: 2 * KiB }))
    send([await upload(kind, content('png', 3 * KiB))])
    const [event] = await files()
    expect(event).toMatchObject({ omitted: { reason: 'too_large', size: 3 * KiB } })
    expect(event).not.toHaveProperty('url')
    expect(event).not.toHaveProperty('error')
    expect(bucket.objects.size).toBe(0)
  })

  it('[IM6] that tells its size is not even asked for', async () => {
    const script = scripted((_, real) => real.carry)
    const options = { ...limits({ maxBytes: 2 * KiB }), courier: script.courier }
    const { upload, send, files } = await receive(options)
    send([await upload('document', content('pdf', 3 * KiB))])
    await files()
    expect(script.errands).toBe(0)
  })

  it('[IM6] too many that wait are told of at once', async () => {
    const { upload, send, files, ready, waiting } = await receive({
      courier: () => ({ carry: never }),
    })
    const attach = await upload('image')
    send(Array.from({ length: MAX_WAITING_FILES + 2 }, (_, n) => ({ ...attach, photoId: n + 1 })))
    await files(2)
    expect(ready()).toMatchObject([
      { index: MAX_WAITING_FILES, omitted: { reason: 'too_many' } },
      { index: MAX_WAITING_FILES + 1, omitted: { reason: 'too_many' } },
    ])
    expect(waiting()).toBe(MAX_WAITING_FILES)
  })
})

describe('a file that cannot be had', () => {
  it('[IM7] is tried five times within a day, and then told of', async () => {
    const script = scripted(() => failure('TRANSFER_FAILED'))
    const { upload, send, until, ready, pass, live, clock } = await receive({
      courier: script.courier,
    })
    const start = clock.now()
    send([await upload('video')])
    await until(() => script.errands === 1)
    const waits = [...FETCH_RETRY_MS]
    for (const [n, wait] of waits.entries()) {
      await pass(live, wait - 5_000)
      expect([script.errands, ready()]).toEqual([n + 1, []])
      await pass(live, 6_000)
      await until(() => script.errands === n + 2)
    }
    await until(() => ready().length === 1)
    expect(ready()).toMatchObject([
      { kind: 'video', index: 0, error: { code: 'TRANSFER_FAILED', message: 'no luck' } },
    ])
    expect(clock.now() - start).toBeLessThan(24 * 60 * MINUTE)
  })

  it('[IM7] is fetched as soon as it can be', async () => {
    const { courier } = scripted((attempt, real) =>
      attempt < 3 ? failure('STORAGE_FAILED') : real.carry,
    )
    const { upload, send, until, ready, pass, live } = await receive({ courier })
    send([await upload('video')])
    await until(() => ready().length === 0)
    await pass(live, 10 * MINUTE)
    await until(() => ready().length === 1)
    expect(ready()[0]).toMatchObject({ contentType: 'video/mp4', url: expect.any(String) })
  })

  it('[IM7] waits as long as it is told to', async () => {
    const script = scripted((attempt, real) =>
      attempt === 1 ? failure('TRANSFER_FAILED', 3 * MINUTE) : real.carry,
    )
    const { upload, send, until, pass, live } = await receive({ courier: script.courier })
    send([await upload('video')])
    await until(() => script.errands === 1)
    await pass(live, 2.5 * MINUTE)
    expect(script.errands).toBe(1)
    await pass(live, MINUTE)
    await until(() => script.errands === 2)
  })

  it('[IM7] that MAX no longer has is looked for twice', async () => {
    const script = scripted(() => failure('NOT_FOUND'))
    const { upload, send, files, pass, live, until } = await receive({ courier: script.courier })
    send([await upload('document')])
    await until(() => script.errands >= 1)
    await pass(live, MINUTE)
    expect(await files()).toMatchObject([{ error: { code: 'NOT_FOUND' } }])
  })

  it('[IM7] of a message that was deleted meanwhile is told of', async () => {
    const { courier } = scripted(() => failure('TRANSFER_FAILED'))
    const stage = await receive({ courier })
    const { messageId } = stage.send([await stage.upload('document')])
    await stage.until(() => stage.waiting() === 1)
    stage.remove([messageId])
    await stage.pass(stage.live, 10 * MINUTE)
    expect(await stage.files()).toMatchObject([{ messageId, error: { code: 'NOT_FOUND' } }])
  })

  it('[IM7] because the account was logged out, is told of', async () => {
    const { courier } = scripted(() => never)
    const { upload, send, until, ready, live, waiting } = await receive({ courier })
    send([await upload('image')])
    await until(() => waiting() === 1)
    await live.logout()
    expect(ready()).toMatchObject([{ error: { code: 'LOGIN_REQUIRED' } }])
    expect(waiting()).toBe(0)
  })

  it('[IM7] by a courier that died does not block the others for ever', async () => {
    const script = scripted((attempt, real) => (attempt <= 2 ? never : real.carry))
    const { upload, send, until, files, pass, live } = await receive({ courier: script.courier })
    for (let n = 0; n < 3; n += 1) send([await upload('image')])
    await until(() => script.errands === 2)
    await pass(live, 21 * MINUTE)
    await files(3)
    expect(script.errands).toBe(5)
  })
})

describe('links', () => {
  it('[IM8] that ran out are replaced by MAX', async () => {
    const { upload, send, files, sim, goOffline, comeBack } = await receive()
    sim.settings.photoLinkTtlMs = 1_000
    const attach = await upload('image')
    await goOffline()
    send([attach])
    sim.settings.photoLinkTtlMs = MINUTE
    await comeBack()
    expect(await files()).toMatchObject([{ contentType: 'image/png', size: 107 }])
  })

  it('[IM8] and tokens of MAX are in no event', async () => {
    const { courier } = scripted((attempt, real) =>
      attempt === 1 ? failure('TRANSFER_FAILED') : real.carry,
    )
    const stage = await receive({ courier }, { media_delivery: 'both' })
    const attaches = await Promise.all(mediaKinds.map((kind) => stage.upload(kind)))
    for (const attach of attaches) stage.send([attach])
    await stage.pass(stage.live, 10 * MINUTE)
    await stage.files(attaches.length)
    const text = JSON.stringify(stage.ready())
    for (const { token, secret } of stage.sim.direct.uploads) {
      expect(text).not.toContain(token)
      expect(text).not.toContain(secret)
    }
    expect(text).not.toContain(stage.sim.settings.mediaUrl)
  })
})

describe('messages', () => {
  it('[IM9] that are forwarded bring their files along', async () => {
    const { upload, send, line, chatId, files, ready } = await receive()
    const { messageId } = send([await upload('document')])
    await files()
    const link = { type: 'FORWARD', messageId: wireMessageId(messageId), chatId }
    line.call(Opcode.MSG_SEND, { chatId, message: { cid: 77, link, attaches: [] }, notify: true })
    await files(2)
    expect(ready()[1]).toMatchObject({ kind: 'file', index: 0, size: 59 })
    expect(ready()[1]?.messageId).not.toBe(messageId)
  })

  it('[IM9] that are edited bring what is new', async () => {
    const { upload, line, friend, sim, chatId, files, ready, rest } = await receive()
    const own = async () => {
      const { photoToken } = await upload('image', content('png', 500))
      return { _type: 'PHOTO', photoToken }
    }
    const first = await own()
    const message = { cid: 78, text: 'one', elements: [], attaches: [first] }
    const sent = line.call(Opcode.MSG_SEND, { chatId, message, notify: true })
    await files()
    const messageId = asMap(sent.message).id
    const edit = { chatId, messageId, elements: [] }
    line.call(Opcode.MSG_EDIT, { ...edit, text: 'two', attachments: asMap(sent.message).attaches })
    await rest()
    expect(ready()).toHaveLength(1)
    line.call(Opcode.MSG_EDIT, { ...edit, text: 'three', attachments: [await own()] })
    await files(2)
    expect(new Set(ready().map(({ mediaId }) => mediaId)).size).toBe(2)
    expect(sim.direct.account(friend.id)).toBeDefined()
  })

  it('[IM9] of this account count when they come as events', async () => {
    const { sim, me, friend, files, logged } = await receive()
    const { kind, name, bytes } = { kind: 'photo' as const, name: '', bytes: content('png', 99) }
    const attach = await sim.media.place(me.id, { kind, name, bytes })
    // From another device: the gateway sent nothing.
    sim.direct.incoming({ to: friend.id, from: me.id, text: '', attaches: [attach] })
    const [event] = await files()
    expect(event?.storageKey).toMatch(/^users\/tenant-1\/outbox\//)
    expect(logged().filter(({ type }) => type === 'Message')).toHaveLength(1)
  })

  it('[IM9] with voice for old clients, which MAX calls unsupported', async () => {
    const { upload, send, files } = await receive()
    send([{ ...(await upload('voice')), _type: 'UNSUPPORTED' }])
    expect(await files()).toMatchObject([{ kind: 'voice', contentType: 'audio/ogg', size: 324 }])
  })
})

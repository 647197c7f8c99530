import { describe, expect, it, onTestFinished } from 'vitest'
import { usageOf } from '../../bench/process-tree.ts'
import { samples } from '../../sandbox/media/samples.ts'
import { type MediaKind, mediaKinds } from '../../schema/media.ts'
import { content, hashOf } from '../support/content.ts'
import type { Tenant } from '../support/gateway.ts'
import type { EventBody, Receiver } from '../support/receiver.ts'
import { startReceiver } from '../support/receiver.ts'
import { startS3 } from '../support/s3-server.ts'
import { type Stage, useWorld } from '../support/world.ts'

const MiB = 1024 * 1024

/** Lets the friend send a file. */
const sendFile = async (
  { sandbox, person }: Stage,
  kind: MediaKind,
  bytes = samples[kind].bytes(),
) => {
  const { upload, name, facts } = samples[kind]
  const from = person.friends[0]?.id ?? 0
  const attach = await sandbox.core.media.place(from, { kind: upload, name, bytes, facts })
  return sandbox.control.incoming({ to: person.account.id, from, text: '', attaches: [attach] })
}

/** The content behind an event's link; a gateway that was given no address leaves it to the reader. */
const linked = async ({ url: gateway }: { url: string }, { url }: EventBody) => {
  const response = await fetch(new URL(String(url), gateway))
  return { status: response.status, hash: await hashOf(response.body ?? []) }
}

/** The message must have come before the file. */
const checkOrder = ({ received }: Receiver, messageId: string): void => {
  const types = received
    .filter(({ body }) => (body.messageId ?? body.event?.message?.id) === messageId)
    .map(({ type }) => type)
  expect([...new Set(types)]).toEqual(['Message', 'FileReady'])
}

describe('received media', () => {
  const { enterOnline } = useWorld('binary')

  it('of every kind are told of, fetched, and behind a link', async () => {
    const stage = await enterOnline()
    const { receiver, gateway } = stage
    for (const [n, kind] of mediaKinds.entries()) {
      const { messageId } = await sendFile(stage, kind)
      const { body } = await receiver.event('FileReady', n + 1)
      const sha256 = await hashOf([samples[kind].bytes()])
      expect(body).toMatchObject({ messageId, index: 0, sha256 })
      expect(await linked(gateway, body)).toEqual({ status: 200, hash: sha256 })
      checkOrder(receiver, messageId)
    }
  })

  it('can be sent on from where they lie', async () => {
    const stage = await enterOnline()
    const bytes = content('pdf', 3 * MiB)
    await sendFile(stage, 'document', bytes)
    const { body } = await stage.receiver.event('FileReady')
    const chatId = stage.person.chatIds[0]
    await stage.tenant.post('/chat/send/document', { chatId, storageKey: body.storageKey })
    expect(stage.sandbox.control.uploads.at(-1)?.sha256).toBe(await hashOf([bytes]))
  })

  it('come after a kill -9 that struck in the middle', async () => {
    const stage = await enterOnline()
    const { sandbox, person, receiver, gateway } = stage
    const from = person.friends[0]?.id ?? 0
    const slow = { code: '', delayMs: 120_000, count: 1_000, userId: from }
    sandbox.control.fault({ kind: 'download_slow', ...slow })
    const bytes = content('mp4', 4 * MiB)
    const { messageId } = await sendFile(stage, 'video', bytes)
    await receiver.event('Message')
    await gateway.kill()
    sandbox.control.clearFaults()
    await gateway.start()
    const { body } = await receiver.event('FileReady')
    expect(body).toMatchObject({ messageId, size: bytes.length })
    expect(await linked(gateway, body)).toEqual({ status: 200, hash: await hashOf([bytes]) })
    checkOrder(receiver, messageId)
  })

  it('are in the event as base64, up to a size', async () => {
    const stage = await enterOnline()
    await stage.tenant.post('/session/s3/config', { media_delivery: 'base64' })
    const most = content('png', MiB)
    await sendFile(stage, 'image', most)
    const { body } = await stage.receiver.event('FileReady')
    expect(Buffer.from(String(body.base64), 'base64').equals(most)).toBe(true)
    expect(body.url).toBeUndefined()
    await sendFile(stage, 'image', content('png', MiB + 1))
    const { body: large } = await stage.receiver.event('FileReady', 2)
    expect(large).toMatchObject({ omitted: { reason: 'too_large', size: MiB + 1 } })
    expect([large.base64, large.url]).toEqual([undefined, undefined])
    // As large as a row of the log gets, and still read by everybody.
    const { events } = await stage.tenant.get<{ events: EventBody[] }>('/events?types=FileReady')
    expect(events[0]).toMatchObject({ id: body.id, base64: body.base64 })
  })

  it("go to the tenant's own S3", async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    const stage = await enterOnline()
    await stage.tenant.post('/session/s3/config', {
      enabled: true,
      endpoint: s3.url,
      bucket: s3.bucket,
      region: s3.region,
      access_key: s3.accessKey,
      secret_key: s3.secretKey,
      media_delivery: 's3',
    })
    for (const [n, size] of [700, 12 * MiB].entries()) {
      const bytes = content('mp4', size)
      await sendFile(stage, 'video', bytes)
      const { body } = await stage.receiver.event('FileReady', n + 1)
      const hash = await hashOf([bytes])
      expect(await hashOf([s3.objects.get(String(body.storageKey))?.bytes ?? Buffer.of()])).toBe(
        hash,
      )
      expect(String(body.url)).toContain('X-Amz-Signature=')
      expect(await linked(stage.gateway, body)).toEqual({ status: 200, hash })
    }
  })

  it('of 200 MiB pass through with little memory', async () => {
    const stage = await enterOnline()
    const { gateway, receiver } = stage
    const bytes = content('bytes', 200 * MiB)
    // What the runtime takes once is not what a file takes.
    await sendFile(stage, 'document', bytes)
    await receiver.event('FileReady')
    const before = usageOf(gateway.pid).rssMb
    let peak = before
    const timer = setInterval(() => {
      peak = Math.max(peak, usageOf(gateway.pid).rssMb)
    }, 50)
    await sendFile(stage, 'document', bytes)
    const { body } = await receiver.event('FileReady', 2)
    clearInterval(timer)
    expect(body).toMatchObject({ size: bytes.length, sha256: await hashOf([bytes]) })
    expect(peak - before).toBeLessThan(128)
  })
})

describe('received media of a sandbox tenant', () => {
  const { enterOnline } = useWorld('binary')

  const enterSandbox = async (): Promise<{ tenant: Tenant; receiver: Receiver }> => {
    const { gateway } = await enterOnline()
    const receiver = await startReceiver()
    onTestFinished(() => receiver.close())
    const tenant = await gateway.createTenant({ receiver, sandbox: true })
    const { phone, code } = await tenant.get<{ phone: string; code: string }>('/sandbox')
    await tenant.post('/session/auth/request', { phone })
    await tenant.post('/session/auth/confirm', { code })
    return { tenant, receiver }
  }

  it('are what a demo contact sends, samples and anything else', async () => {
    const { tenant, receiver } = await enterSandbox()
    const own = content('pdf', 500_000)
    const wanted = mediaKinds.map((media) => ({ media, bytes: samples[media].bytes() }))
    for (const [n, { media, bytes }] of [...wanted, { media: 'document', bytes: own }].entries()) {
      const data = bytes === own ? { data: Buffer.from(own).toString('base64') } : {}
      const { messageId } = await tenant.post<{ messageId: string }>('/sandbox/incoming', {
        ...{ media, ...data },
      })
      const { body } = await receiver.event('FileReady', n + 1)
      expect(body).toMatchObject({ messageId, sha256: await hashOf([bytes]), size: bytes.length })
      checkOrder(receiver, messageId)
    }
  })
})

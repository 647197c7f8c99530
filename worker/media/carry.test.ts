import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../connector/clock.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { s3Store } from '../../connector/storage/s3-store.ts'
import type { CarryOrder, FileFacts } from '../../schema/received-file.ts'
import { defaultStorage } from '../../schema/storage-settings.ts'
import { content, hashOf } from '../../test/support/content.ts'
import { MemoryBucket } from '../../test/support/memory-bucket.ts'
import { startS3 } from '../../test/support/s3-server.ts'
import type { Env } from '../env.ts'
import { ByteBudget } from './budget.ts'
import { type CarryDeps, carry } from './carry.ts'
import { openMaxHttp } from './max-http.ts'

const MiB = 1024 * 1024

const serve = async (listener: RequestListener): Promise<{ origin: string; asked: string[] }> => {
  const asked: string[] = []
  const server = createServer((request, answer) => {
    asked.push(request.url ?? '')
    listener(request, answer)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** A media server of MAX that answers so, and a courier that knows the way there. */
const setup = async (listener: RequestListener, more: Partial<CarryDeps> = {}) => {
  const max = await serve(listener)
  const bucket = new MemoryBucket()
  const { host } = new URL(max.origin)
  const deps: CarryDeps = {
    bucket: bucket.r2,
    budget: new ByteBudget(48 * MiB),
    fetch: openMaxHttp({ MAX_ENDPOINT: `ws://${host}/websocket` } as Env).fetch,
    open: async () => r2Store(bucket.r2),
    now: Date.now,
    ...more,
  }
  const places: FileFacts[] = []
  const world = { isWanted: true }
  const run = (order: Partial<CarryOrder> = {}) =>
    carry(
      deps,
      {
        ...{ tenantId: 't', sandbox: false, maxBytes: 20 * MiB, inlineBytes: 0, stores: true },
        link: { url: `${max.origin}/file`, failoverHosts: [] },
        ...order,
      },
      {
        placeOf: async (facts) => {
          places.push(facts)
          return { key: 'users/t/file', storage: defaultStorage, fileName: 'Имя.bin' }
        },
        isWanted: async () => world.isWanted,
      },
    )
  const failure = (order?: Partial<CarryOrder>) =>
    run(order).then(
      () => 'ok',
      (error) => error,
    )
  return { max, bucket, run, failure, places, world }
}
const answering = (bytes: Uint8Array, headers: Record<string, string | number> = {}) =>
  setup((_request, answer) => {
    answer.writeHead(200, headers).end(bytes)
  })
const withLength = (bytes: Uint8Array) => answering(bytes, { 'content-length': bytes.length })

describe('carry', () => {
  it.each([0, 1, 70_000, 6 * MiB])('[IM3] stores %i bytes as they are', async (size) => {
    const bytes = content('pdf', size)
    const { run, bucket, places } = await withLength(bytes)
    const contentType = size < 2 ? 'application/octet-stream' : 'application/pdf'
    const sha256 = await hashOf([bytes])
    expect(await run()).toEqual({ contentType, size, sha256 })
    expect(places).toEqual([{ contentType, size }])
    const stored = bucket.objects.get('users/t/file')
    expect(await hashOf([stored?.bytes ?? new Uint8Array(9)])).toBe(sha256)
    expect(stored?.httpMetadata.contentType).toBe(contentType)
  })

  it.each([
    90_000,
    6 * MiB,
  ])('[IM3] stores %i bytes of which nobody told the length', async (size) => {
    const bytes = content('mp4', size)
    const { run, bucket } = await answering(bytes, { 'transfer-encoding': 'chunked' })
    expect(await run()).toMatchObject({ size, sha256: await hashOf([bytes]) })
    expect([...bucket.objects.keys()]).toEqual(['users/t/file'])
  })

  it.each([10, 100_000])('[IM10] deletes what nobody wants any more: %i bytes', async (size) => {
    const { run, bucket, world } = await withLength(content('pdf', size))
    world.isWanted = false
    await run()
    expect(bucket.objects.size).toBe(0)
  })

  it('[IM5] hands content back, stored or not, up to a size', async () => {
    const bytes = content('png', 100_000)
    const base64 = Buffer.from(bytes).toString('base64')
    const { run, bucket } = await withLength(bytes)
    expect(await run({ stores: false, inlineBytes: 100_000 })).toMatchObject({ base64 })
    expect(await run({ stores: false, inlineBytes: 99_999 })).toEqual({
      ...{ contentType: 'image/png', size: 100_000 },
    })
    expect(bucket.objects.size).toBe(0)
    expect(await run({ inlineBytes: 100_000 })).toMatchObject({ base64 })
    expect(await run({ inlineBytes: 99_999 })).not.toHaveProperty('base64')
    expect(bucket.objects.size).toBe(1)
  })

  it('[IM5] reads no more of unknown length than it may hand back', async () => {
    const { run } = await answering(content('png', 3 * MiB), { 'transfer-encoding': 'chunked' })
    expect(await run({ stores: false, inlineBytes: 1_000 })).toEqual({ contentType: 'image/png' })
  })

  it('[IM6] refuses what is too large before it reads it', async () => {
    const { failure, bucket } = await withLength(content('bytes', 2 * MiB))
    expect(await failure({ maxBytes: MiB })).toMatchObject({
      code: 'BODY_TOO_LARGE',
      data: { details: { size: 2 * MiB } },
    })
    expect(bucket.objects.size).toBe(0)
  })

  it('[IM6] refuses a packed answer that unpacks to more', async () => {
    const packed = gzipSync(Buffer.alloc(30 * MiB))
    const headers = { 'content-encoding': 'gzip', 'content-length': packed.length }
    const { failure, bucket } = await answering(packed, headers)
    expect(await failure()).toMatchObject({ code: 'BODY_TOO_LARGE' })
    expect([bucket.objects.size, bucket.openUploads]).toEqual([0, 0])
  })

  it('[IM8] follows no redirect, to wherever', async () => {
    const foreign = await serve((_request, answer) => answer.end('secret'))
    for (const location of [foreign.origin, 'https://example.com/', '/elsewhere']) {
      const { failure, bucket, max } = await setup((_request, answer) =>
        answer.writeHead(302, { location }).end(),
      )
      expect(await failure()).toMatchObject({ code: 'TRANSFER_FAILED' })
      expect([max.asked, foreign.asked, bucket.objects.size]).toEqual([['/file'], [], 0])
    }
  })

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1:1/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://2130706433/x',
    'file:///etc/passwd',
  ])('[IM8] asks no private address, although MAX names it: %s', async (url) => {
    const { failure, max } = await answering(new Uint8Array(1))
    expect(await failure({ link: { url, failoverHosts: [] } })).toMatchObject({
      code: 'BAD_UPSTREAM',
      message: expect.not.stringContaining(url),
    })
    expect(max.asked).toEqual([])
  })

  it.each([401, 403, 404, 410])('[IM8] tells a link that leads nowhere: %i', async (status) => {
    const { failure } = await setup((_request, answer) => answer.writeHead(status).end('no'))
    expect(await failure()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('[IM7] stores nothing of what breaks off, or is not as long as it was said to be', async () => {
    const bytes = content('bytes', MiB)
    const cases: RequestListener[] = [
      (_request, answer) => {
        answer.writeHead(200, { 'content-length': 2 * MiB }).write(bytes)
        setTimeout(() => answer.destroy(), 50)
      },
      (_request, answer) => {
        answer.write(bytes)
        setTimeout(() => answer.destroy(), 50)
      },
      (_request, answer) => answer.writeHead(500).end('sorry'),
    ]
    for (const listener of cases) {
      const { failure, bucket } = await setup(listener)
      expect(await failure()).toMatchObject({ code: 'TRANSFER_FAILED' })
      expect([bucket.objects.size, bucket.openUploads]).toEqual([0, 0])
    }
  })

  it('[IM7] says what the storage says, and no secret', async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    const settings = {
      ...{ endpoint: s3.url, region: s3.region, bucket: s3.bucket, pathStyle: true },
      ...{ accessKey: s3.accessKey, secretKey: 'wrong-secret' },
    }
    for (const size of [1_000, 3 * MiB]) {
      const { failure } = await setup(
        (_request, answer) => {
          answer.writeHead(200, { 'content-length': size }).end(content('bytes', size))
        },
        { open: async () => s3Store({ settings, clock: systemClock, fetch }) },
      )
      const error = await failure()
      expect(error).toMatchObject({
        code: 'STORAGE_FAILED',
        data: { details: { storageCode: 'SignatureDoesNotMatch' } },
      })
      expect(JSON.stringify(error.data)).not.toMatch(/wrong-secret|127\.0\.0\.1/)
    }
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeObjectStore } from '../../test/contract/object-store.ts'
import { type S3Server, startS3 } from '../../test/support/s3-server.ts'
import { systemClock } from '../clock.ts'
import { type S3Settings, s3Store } from './s3-store.ts'

const settingsOf = (server: S3Server, more: Partial<S3Settings> = {}): S3Settings => ({
  endpoint: server.url,
  region: server.region,
  bucket: server.bucket,
  accessKey: server.accessKey,
  secretKey: server.secretKey,
  pathStyle: true,
  ...more,
})
const open = (settings: S3Settings) => s3Store({ settings, clock: systemClock, fetch })

describeObjectStore('S3', async () => {
  const server = await startS3()
  return { store: open(settingsOf(server)), close: () => server.close() }
})

describe('s3Store', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3()
  })
  afterAll(() => server.close())
  const put = (more: Partial<S3Settings>) =>
    open(settingsOf(server, more))
      .put('key', new Uint8Array([1]), { contentType: 'text/plain' })
      .then(
        () => 'ok',
        (error) => error,
      )

  it('[S31] tells precisely what is wrong, and no secret', async () => {
    expect(await put({ secretKey: 'wrong-secret' })).toMatchObject({
      code: 'SignatureDoesNotMatch',
      status: 403,
      message: 'SignatureDoesNotMatch & no more',
    })
    expect(await put({ accessKey: 'WRONG' })).toMatchObject({ code: 'InvalidAccessKeyId' })
    expect(await put({ bucket: 'no-such' })).toMatchObject({ code: 'NoSuchBucket', status: 404 })
    const unreachable = await put({ endpoint: 'http://127.0.0.1:1' })
    expect(unreachable).toMatchObject({ code: 'Unreachable' })
    expect(JSON.stringify([unreachable, String(unreachable)])).not.toMatch(/secret|127\.0/)
  })

  it('[S32] signs links that expire', async () => {
    const store = open(settingsOf(server))
    await store.put('folder/имя.txt', new TextEncoder().encode('hello'), {
      contentType: 'text/plain',
    })
    const link = await store.link('folder/имя.txt', { expiresInS: 60, fileName: 'Имя.txt' })
    const answer = await fetch(String(link))
    expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
    expect(answer.headers.get('content-disposition')).toContain("filename*=UTF-8''")
    expect((await fetch(String(link).replace('folder', 'other'))).status).toBe(403)
    const past = { now: () => Date.now() - 61_000, after: systemClock.after }
    const old = s3Store({ settings: settingsOf(server), clock: past, fetch })
    const expired = await old.link('folder/имя.txt', { expiresInS: 60 })
    expect((await fetch(String(expired))).status).toBe(403)
  })

  it('[S31] asks for no key that would lead out of its folder', async () => {
    const store = open(settingsOf(server))
    for (const key of ['users/1/../2/a', './a', '..', 'a/.']) {
      expect(await store.get(key).catch((error) => error)).toMatchObject({ code: 'InvalidKey' })
    }
    expect(await store.get('a/..b/c.')).toBeUndefined()
  })

  it('[S33] follows no redirect', async () => {
    server.fault = (_request, response) =>
      response.writeHead(301, { location: 'http://127.0.0.1:1/' }).end()
    expect(await put({})).toMatchObject({ code: 'Redirect', status: 301 })
    server.fault = undefined
  })

  it('puts the bucket into the host name unless told otherwise', async () => {
    const seen: string[] = []
    const store = s3Store({
      settings: settingsOf(server, { endpoint: 'https://s3.example.com', pathStyle: false }),
      clock: systemClock,
      fetch: async (url) => {
        seen.push(url)
        return new Response()
      },
    })
    await store.put('a/b', new Uint8Array(1), { contentType: 'text/plain' })
    expect(seen).toEqual(['https://test-bucket.s3.example.com/a/b'])
  })
})

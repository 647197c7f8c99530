import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gatewayLink } from '../../connector/storage/media-link.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { createVault } from '../../connector/vault.ts'
import { type Edge, startEdge } from '../../test/contract/edge.ts'
import { createApp } from '../app.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

const TEXT = '0123456789'

interface Facts {
  contentType?: string
  fileName?: string
}

/** An object of a tenant of its own, and a link to it that lives for a minute. */
const store = async ({ contentType = 'image/jpeg', fileName }: Facts = {}) => {
  const tenant = crypto.randomUUID()
  const key = `users/${tenant}/inbox/-7/2026/11/25/images/115912345678901234-0.jpg`
  const facts = { contentType, ...(fileName === undefined ? {} : { fileName }) }
  await r2Store(edge.bucket.r2).put(key, new TextEncoder().encode(TEXT), facts)
  const expires = Math.floor(edge.clock.now / 1000) + 60
  const link = await gatewayLink(edge.gateway.vault, '', key, expires)
  return { tenant, key, expires, link }
}

const get = async (link: string, headers: Record<string, string> = {}, method = 'GET') => {
  const response = await edge.app.request(link, { method, headers })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  const body: Record<string, unknown> = isJson ? JSON.parse(text) : {}
  return { status: response.status, headers: response.headers, text, body }
}

describe('a link to stored media', () => {
  it('[ML3] opens the file without a token, as something that cannot run', async () => {
    const { link } = await store({ fileName: 'Кот "1".jpg' })
    const answer = await get(link)
    expect([answer.status, answer.text]).toEqual([200, TEXT])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': '10',
      'content-disposition':
        `inline; filename="___ _1_.jpg"; ` + `filename*=UTF-8''%D0%9A%D0%BE%D1%82%20%221%22.jpg`,
      'accept-ranges': 'bytes',
      'cache-control': 'private',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'request-id': expect.any(String),
    })
  })

  it.each([
    ['image/png', 'inline'],
    ['video/mp4', 'inline'],
    ['audio/ogg; codecs=opus', 'inline'],
    ['image/svg+xml', 'attachment'],
    ['text/html', 'attachment'],
    ['application/xhtml+xml', 'attachment'],
    ['text/xml', 'attachment'],
    ['application/pdf', 'attachment'],
    ['application/octet-stream', 'attachment'],
    ['', 'attachment'],
  ])('[ML3] %j comes %s', async (contentType, kind) => {
    const { link } = await store({ contentType })
    const disposition = (await get(link)).headers.get('content-disposition')
    expect(disposition).toBe(
      `${kind}; filename="115912345678901234-0.jpg"; filename*=UTF-8''115912345678901234-0.jpg`,
    )
  })

  it.each<[string, (made: Awaited<ReturnType<typeof store>>) => string | Promise<string>]>([
    ['another key', ({ link }) => link.replace('-0.jpg', '-1.jpg')],
    ['another tenant', ({ link, tenant }) => link.replace(tenant, crypto.randomUUID())],
    ['a later end', ({ link, expires }) => link.replace(`${expires}`, `${expires + 1}`)],
    ['another signature', ({ link }) => link.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))],
    ['no signature', ({ link }) => link.replace(/signature=.*/, 'signature=')],
    [
      'a signature for something else',
      async ({ link, key, expires }) => {
        const signature = await edge.gateway.vault.sign(`${expires}\n${key}`, 'webhook')
        return link.replace(/signature=.*/, `signature=${signature}`)
      },
    ],
    [
      'the key of another gateway',
      ({ key, expires }) => gatewayLink(createVault('11'.repeat(32)), '', key, expires),
    ],
    ['slashes in disguise', ({ link }) => link.replace('/inbox/-7/', '/inbox%2F-7/x/')],
  ])('[ML4] with %s is refused', async (_what, change) => {
    const answer = await get(await change(await store()))
    expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN'])
  })

  it('[ML4] made with a master key that was replaced still opens', async () => {
    const { key, expires } = await store()
    const rotated = { ...edge.gateway, vault: createVault(`${'22'.repeat(32)},${'00'.repeat(32)}`) }
    const link = await gatewayLink(createVault('00'.repeat(32)), '', key, expires)
    expect((await createApp(rotated).request(link)).status).toBe(200)
  })

  it('[ML5] ends: 410 with a code of its own, for true signatures only', async () => {
    const { link, key, expires } = await store()
    const past = Math.floor(edge.clock.now / 1000)
    const old = await get(await gatewayLink(edge.gateway.vault, '', key, past))
    expect([old.status, old.body.code]).toEqual([410, 'LINK_EXPIRED'])
    expect((await get(link.replace(`${expires}`, `${past}`))).status).toBe(403)
    const last = await gatewayLink(edge.gateway.vault, '', key, past + 1)
    expect((await get(last)).status).toBe(200)
  })

  it('[ML5] to what was deleted is 404', async () => {
    const { link, key } = await store()
    edge.bucket.objects.delete(key)
    for (const headers of [{}, { range: 'bytes=0-1' }]) {
      const gone = await get(link, headers)
      expect([gone.status, gone.body.code]).toEqual([404, 'NOT_FOUND'])
    }
  })

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-30', TEXT, 'bytes 0-9/10'],
    ['bytes=9-99', '9', 'bytes 9-9/10'],
  ])('[ML6] gives %s as 206', async (range, text, contentRange) => {
    const { link } = await store()
    const answer = await get(link, { range })
    expect([answer.status, answer.text]).toEqual([206, text])
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('content-length')).toBe(`${text.length}`)
  })

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=-0'])('[ML6] refuses %s as 416', async (range) => {
    const { link } = await store()
    const answer = await get(link, { range })
    expect([answer.status, answer.body.code]).toEqual([416, 'RANGE_NOT_SATISFIABLE'])
    expect(answer.headers.get('content-range')).toBe('bytes */10')
  })

  it.each([
    { range: 'bytes=0-1,3-4' },
    { range: 'bytes=4-2' },
    { range: 'lines=1-2' },
    { range: 'bytes=-' },
    { range: 'bytes=0-1', 'if-range': '"x"' },
  ])('[ML6] gives all of it for %j', async (headers) => {
    const { link } = await store()
    const answer = await get(link, headers as unknown as Record<string, string>)
    expect([answer.status, answer.text]).toEqual([200, TEXT])
  })

  it('[ML6] answers HEAD without the bytes', async () => {
    const { link } = await store()
    const answer = await get(link, {}, 'HEAD')
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers.get('content-length')).toBe('10')
    expect((await get(link, {}, 'POST')).status).toBe(405)
  })

  it('says when the bucket does not answer', async () => {
    const { link } = await store()
    edge.bucket.failure = new Error('down')
    const answer = await get(link)
    edge.bucket.failure = undefined
    expect([answer.status, answer.body.code]).toEqual([422, 'STORAGE_FAILED'])
  })
})

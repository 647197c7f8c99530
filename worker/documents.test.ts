import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'
import { documents } from './documents.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge({ MAXAPI_VERSION: '3.1.4' })
})
afterAll(() => edge.close())

const get = (path: string, headers: Record<string, string> = {}) =>
  edge.app.request(path, { headers })

describe.each(Object.entries(documents))('the document %s', (path, { contentType }) => {
  it('is public, and says so when it has not changed', async () => {
    const first = await get(path)
    expect([first.status, first.headers.get('content-type')]).toEqual([200, contentType])
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
    const again = await get(path, { 'if-none-match': `"other", ${etag}` })
    expect([again.status, await again.text()]).toEqual([304, ''])
    expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('comes packed to those who can unpack it', async () => {
    const plain = await (await get(path)).text()
    const packed = await get(path, { 'accept-encoding': 'br, gzip;q=0.8' })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(packed.headers.get('vary')).toBe('Accept-Encoding')
    expect(gunzipSync(await packed.arrayBuffer()).toString()).toBe(plain)
    const refused = await get(path, { 'accept-encoding': 'gzip;q=0' })
    expect(refused.headers.get('content-encoding')).toBeNull()
  })

  it('answers HEAD, and 405 to a POST', async () => {
    const head = await edge.app.request(path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const post = await edge.request('POST', path, { body: {} })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'HEAD, GET, OPTIONS'])
  })
})

it('names the version that runs', async () => {
  const { body } = await edge.request('GET', '/openapi.json')
  expect(body).toMatchObject({ openapi: '3.1.1', info: { version: '3.1.4' } })
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

it('answers 404 where the deployment has no files', async () => {
  const { status, body } = await edge.request('GET', '/docs')
  expect([status, body.code]).toEqual([404, 'NOT_FOUND'])
})

it('asks for the file behind the path, and passes on that it is known', async () => {
  const asked: [string, string | null][] = []
  edge.gateway.assets = {
    fetch: async (request) => {
      asked.push([new URL(request.url).pathname, request.headers.get('if-none-match')])
      return asked.length > 1
        ? new Response(null, { status: 304, headers: { etag: '"1"' } })
        : new Response('<p>', { headers: { etag: '"1"', 'content-type': 'text/plain' } })
    },
  }
  const first = await edge.app.request('/docs')
  expect([first.status, await first.text()]).toEqual([200, '<p>'])
  expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(first.headers.get('content-security-policy')).toContain("default-src 'none'")
  const again = await edge.app.request('/docs', { headers: { 'if-none-match': '"1"' } })
  expect([again.status, again.headers.get('etag')]).toEqual([304, '"1"'])
  expect(asked).toEqual([
    ['/docs/index.html', null],
    ['/docs/index.html', '"1"'],
  ])
})

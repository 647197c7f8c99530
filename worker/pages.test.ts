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

/** Files of the deployment, and which of them were asked for. */
const withFiles = () => {
  const asked: [string, string | null][] = []
  edge.gateway.assets = {
    fetch: async (request) => {
      asked.push([new URL(request.url).pathname, request.headers.get('if-none-match')])
      return asked.length > 1
        ? new Response(null, { status: 304, headers: { etag: '"1"' } })
        : new Response('<p>', { headers: { etag: '"1"', 'content-type': 'text/plain' } })
    },
  }
  return { asked }
}

it('[defect 30] lets no page run what is written into it', async () => {
  withFiles()
  const first = await edge.app.request('/docs')
  expect([first.status, await first.text()]).toEqual([200, '<p>'])
  expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const policy = first.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toContain('unsafe')
})

it('asks for the file behind the path, and passes on that it is known', async () => {
  const { asked } = withFiles()
  const first = await edge.app.request('/docs')
  expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"'])
  const again = await edge.app.request('/docs', { headers: { 'if-none-match': '"1"' } })
  expect([again.status, again.headers.get('etag')]).toEqual([304, '"1"'])
  expect(asked).toEqual([
    ['/docs/index.html', null],
    ['/docs/index.html', '"1"'],
  ])
})

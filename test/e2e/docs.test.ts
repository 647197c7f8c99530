import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { operations } from '../../schema/operations/index.ts'
import { chromium, visit, withBrowser } from '../support/chromium.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.remove())

it('serves the reference page and what it loads, from this machine alone', async () => {
  const page = await fetch(`${gateway.url}/docs`)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  const html = await page.text()
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link)
  expect(links.filter((link) => link.includes('//'))).toEqual([])
  for (const link of links) {
    const { status } = await fetch(new URL(link, `${gateway.url}/docs`))
    expect([link, status]).toEqual([link, 200])
  }
  const missing = await fetch(`${gateway.url}/docs/nothing.js`)
  expect(missing.status).toBe(404)
})

it('packs the document once, not twice', async () => {
  const response = await fetch(`${gateway.url}/openapi.json`)
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(await response.json()).toMatchObject({ openapi: '3.1.1' })
})

it.skipIf(!chromium)(
  withBrowser('shows the reference in a browser, and its document has every operation'),
  async () => {
    const { dom, console } = await visit(`${gateway.url}/docs`)
    expect(console).toEqual([])
    // The page fills in its parts while it is idle, which a snapshot does not wait for.
    expect(dom).toContain('operations-health-getHealth')
    const document = await (await fetch(`${gateway.url}/openapi.json`)).text()
    const missing = Object.keys(operations).filter((name) => !document.includes(`"${name}"`))
    expect(missing).toEqual([])
  },
)

it.skipIf(!chromium)(withBrowser('would hear of a refusal of the policy'), async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-security-policy', "default-src 'none'")
    response.end('<script>document.title = "ran"</script>')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const { console } = await visit(`http://127.0.0.1:${port}/`)
    expect(console.join()).toContain('Content Security Policy')
  } finally {
    server.close()
  }
})

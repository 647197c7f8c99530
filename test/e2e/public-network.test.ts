import { once } from 'node:events'
import { createServer } from 'node:http'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { expect, it, onTestFinished } from 'vitest'
import { networkBindings } from '../../host/miniflare-options.ts'

/** Asks both ways out for an address; a way that refuses answers 599. */
const code = `export default {
  async fetch(request, env) {
    const url = new URL(request.url).searchParams.get('url')
    const ask = (way) => way(url).then((answer) => answer.status, () => 599)
    return Response.json([await ask((u) => env.NETWORK.fetch(u)), await ask((u) => env.PUBLIC_NETWORK.fetch(u))])
  },
}`

it('the public way out reaches no address of this machine, under whatever name', async () => {
  const server = createServer((_request, answer) => answer.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      handleStructuredLogs: () => {},
      workers: [
        {
          name: 'asker',
          compatibilityDate: '2026-10-20',
          modules: [{ type: 'ESModule', path: 'asker.js', contents: code }],
          serviceBindings: networkBindings,
        },
      ],
    }),
  )
  onTestFinished(async () => {
    await miniflare.dispose()
    server.close()
  })
  const { port } = server.address() as { port: number }
  for (const host of ['127.0.0.1', 'localhost']) {
    const url = encodeURIComponent(`http://${host}:${port}/`)
    const answer = await miniflare.dispatchFetch(`http://asker/?url=${url}`)
    expect(await answer.json()).toEqual([200, 599])
  }
})

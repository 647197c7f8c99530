import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../support/gateway.ts'

/** A runtime of the same kind, which calls the gateway's port as if it were a Worker of its own. */
const code = `export default {
  async fetch(request, env) {
    const call = (name, argument) => env.GATEWAY[name](argument).then(() => 'done', String)
    return Response.json({
      scheduled: await call('scheduled', { cron: 'stopping' }),
      queue: await call('queue', { queue: 'maxapi-events', messages: [] }),
      env: await call('env', {}),
      health: (await env.GATEWAY.fetch('http://gateway/health')).status,
    })
  },
}`

it('answers HTTP and no remote calls of other runtimes on its port', async () => {
  const gateway = await startGateway()
  onTestFinished(() => gateway.remove())
  const stranger = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      handleStructuredLogs: () => {},
      workers: [
        {
          name: 'stranger',
          compatibilityDate: '2026-10-20',
          modules: [{ type: 'ESModule', path: 'stranger.js', contents: code }],
          serviceBindings: {
            GATEWAY: { external: { address: new URL(gateway.url).host, http: {} } },
          },
        },
      ],
    }),
  )
  onTestFinished(() => stranger.dispose())
  const answer = await stranger.dispatchFetch('http://stranger/')
  const missing = expect.stringContaining('does not implement the method')
  expect(await answer.json()).toEqual({
    scheduled: missing,
    queue: missing,
    env: missing,
    health: 200,
  })
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
})

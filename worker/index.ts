import { WorkerEntrypoint } from 'cloudflare:workers'
import { systemClock } from '../connector/clock.ts'
import { networkOf } from '../connector/network.ts'
import { type App, createApp } from './app.ts'
import { control } from './control.ts'
import { Drain, STOPPING } from './drain.ts'
import { type Env, MisconfiguredError } from './env.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { sweepSpool } from './media/spool.ts'
import { forwardEvents } from './queue.ts'
import { failure } from './respond.ts'
import { watchSessions } from './watchdog.ts'

export { Journal } from '../connector/journal-object.ts'
export { Publisher } from '../connector/publisher.ts'
export { Session } from '../connector/session.ts'
export { Sandbox } from '../sandbox/durable-object.ts'
export { Courier } from './courier.ts'
export { Door } from './door.ts'
export { Home } from './home.ts'

interface Edge {
  gateway: Gateway
  app: App
}
/** Made at the first event, because the environment comes with it. */
let edge: Edge | undefined

const drain = new Drain()
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const edgeOf = (env: Env): Edge => {
  if (edge !== undefined) return edge
  const gateway = openGateway(env)
  edge = { gateway, app: createApp(gateway) }
  return edge
}

const lookAfter = async (gateway: Gateway): Promise<void> => {
  await watchSessions(gateway)
  await sweepSpool(gateway.media, gateway.now())
}

const serve = (request: Request, env: Env): Response | Promise<Response> => {
  try {
    const { app } = edgeOf(env)
    return drain.serve(request, () => app.fetch(request))
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error
    const message = `The gateway is misconfigured. ${error.message}`
    return failure(request, crypto.randomUUID(), { code: 'INTERNAL_ERROR', message })
  }
}

/**
 * What a self-hosted gateway listens with. The local runtime also takes remote calls on the port it
 * serves: an object like the default export below would let strangers call `queue` and `scheduled`.
 * Of a class they reach its public methods alone, and `fetch` is never one of them.
 */
export class Front extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Response | Promise<Response> {
    return serve(request, this.env)
  }
}

/** What the host of a self-hosted gateway talks to; open to whoever has the secret of the run. */
export class Control extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Promise<Response> {
    return control(request, { env: this.env, onCron: (name) => onCron(name, this.env) })
  }
}

const onCron = (name: string, env: Env): Promise<void> =>
  name === STOPPING ? drain.stop(sleep) : lookAfter(edgeOf(env).gateway)

export default {
  fetch: serve,
  queue: ({ messages }, env) => {
    const { gateway } = edgeOf(env)
    const { MAXAPI_QUEUE_WEBHOOK: url, MAXAPI_GLOBAL_WEBHOOK_SECRET: secret } = gateway.settings
    const consumer = env.EVENT_CONSUMER
    return forwardEvents(messages, gateway, {
      url: consumer === undefined ? url : 'https://event-consumer/',
      secret,
      fetch: (to, init) => (consumer ?? networkOf(env)).fetch(to, init),
      clock: systemClock,
    })
  },
  scheduled: ({ cron }, env) => onCron(cron, env),
} satisfies ExportedHandler<Env>

import { type App, createApp } from './app.ts'
import { type Env, MisconfiguredError } from './env.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { failure } from './respond.ts'
import { watchSessions } from './watchdog.ts'

export { Session } from '../connector/session.ts'
export { Sandbox } from '../sandbox/durable-object.ts'

interface Edge {
  gateway: Gateway
  app: App
}
/** Made at the first event, because the environment comes with it. */
let edge: Edge | undefined

const edgeOf = (env: Env): Edge => {
  if (edge !== undefined) return edge
  const gateway = openGateway(env)
  edge = { gateway, app: createApp(gateway) }
  return edge
}

export default {
  fetch: (request, env) => {
    try {
      return edgeOf(env).app.fetch(request)
    } catch (error) {
      if (!(error instanceof MisconfiguredError)) throw error
      const message = `The gateway is misconfigured. ${error.message}`
      return failure(request, crypto.randomUUID(), { code: 'INTERNAL_ERROR', message })
    }
  },
  scheduled: (_controller, env) => watchSessions(edgeOf(env).gateway),
} satisfies ExportedHandler<Env>

import { z } from 'zod'
import { archivedEvents } from '../connector/deliver/archive.ts'
import { type BrokerVariables, brokerSettings } from '../connector/deliver/broker-settings.ts'
import { globalWebhook } from '../connector/deliver/global-webhook.ts'
import { queueEvents } from '../connector/deliver/queue.ts'
import { parseEndpoint } from '../connector/endpoint.ts'
import type { NetworkBindings } from '../connector/network.ts'
import { handshakeProfile } from '../connector/profile.ts'
import { isPublicUrl, withoutSlash } from '../connector/public-url.ts'
import type { SandboxRpc } from '../schema/sandbox-port.ts'
import type { Assets } from './pages.ts'
import type { SessionBindings } from './sessions.ts'

/**
 * A Durable Object namespace as the edge uses it: objects by name, each seen through its port.
 * Every call takes a fresh stub, because a stub is spent after it has thrown.
 */
export interface ObjectsOf<Port> {
  getByName(name: string): Port
}

/** What the deployment gives the Worker: bindings, and variables as text. */
export interface Env extends BrokerVariables, NetworkBindings, SessionBindings {
  DB: D1Database
  MEDIA: R2Bucket
  /** Static files of the pages; a deployment may have none. */
  ASSETS?: Assets
  SANDBOX: ObjectsOf<SandboxRpc>
  MAXAPI_ADMIN_TOKEN?: string
  /** Encrypts what the sessions keep; the edge only checks that it is there. */
  MAXAPI_MASTER_KEY?: string
  MAX_ENDPOINT?: string
  MAX_PROTOCOL?: string
  MAX_PROFILE?: string
  LIBSQL_URL?: string
  LIBSQL_AUTH_TOKEN?: string
  MAXAPI_GLOBAL_WEBHOOK?: string
  EVENTS: Queue<string>
  MAXAPI_ARCHIVE_EVENTS?: string
  MAXAPI_QUEUE_EVENTS?: string
  /** Another Worker that takes the events of the queue; it wins over the URL. */
  EVENT_CONSUMER?: Fetcher
  /** Receiver of the events of the queue. */
  MAXAPI_QUEUE_WEBHOOK?: string
  MAXAPI_GLOBAL_WEBHOOK_SECRET?: string
  MAXAPI_GLOBAL_WEBHOOK_OPTIONS?: string
  /** Where the gateway is reached from outside; absent = nobody knows. */
  MAXAPI_PUBLIC_URL?: string
  MAXAPI_ALLOW_PRIVATE_NETWORK?: string
  /** `true` while the gateway listens on a loopback address only. */
  MAXAPI_LOOPBACK?: string
  MAXAPI_LOG_LEVEL?: string
  MAXAPI_VERSION?: string
}

/** Deployments pass a variable they leave open as an empty string. */
const variable = <Type extends z.ZodType>(type: Type) =>
  z.preprocess((value) => (value === '' ? undefined : value), type)

const flag = z
  .enum(['false', 'true'], { error: 'expected true or false' })
  .default('false')
  .transform((text) => text === 'true')

const variables = z.object({
  MAXAPI_ADMIN_TOKEN: variable(z.string().trim().default('')),
  LIBSQL_URL: variable(
    z
      .string()
      .regex(/^(libsql|https?):\/\/[^/]/, 'expected a libsql:// or http(s):// URL')
      .default(''),
  ),
  LIBSQL_AUTH_TOKEN: variable(z.string().default('')),
  MAXAPI_GLOBAL_WEBHOOK: variable(
    z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' }).default(''),
  ),
  MAXAPI_GLOBAL_WEBHOOK_SECRET: variable(z.string().default('')),
  MAXAPI_QUEUE_WEBHOOK: variable(
    z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' }).default(''),
  ),
  MAXAPI_PUBLIC_URL: variable(
    z
      .string()
      .refine(isPublicUrl, 'expected an http(s) URL without a query')
      .transform(withoutSlash)
      .default(''),
  ),
  MAXAPI_ALLOW_PRIVATE_NETWORK: variable(flag),
  MAXAPI_LOOPBACK: variable(flag),
  MAXAPI_LOG_LEVEL: variable(
    z
      .enum(['debug', 'info', 'warn', 'error'], { error: 'expected debug, info, warn or error' })
      .default('info'),
  ),
  MAXAPI_VERSION: variable(z.string().default('development')),
})

/** The variables of a deployment after checking; `''` means "not set". */
export type Settings = z.output<typeof variables>

/** The deployment cannot work. The message names what is wrong and repeats no value. */
export class MisconfiguredError extends Error {}

/**
 * Checks the deployment as a whole, so that a mistake shows at the first request and not in the
 * middle of one.
 * @throws {MisconfiguredError}
 */
export const readSettings = (env: Env): Settings => {
  const parsed = variables.safeParse(env)
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  // The type says that bindings exist; whether they do is up to the deployment.
  const bound: Partial<Env> = env
  for (const name of ['SESSION', 'SANDBOX', 'MEDIA'] as const) {
    if (bound[name] === undefined) faults.push(`${name}: the binding is missing`)
  }
  if (!bound.MAXAPI_MASTER_KEY) faults.push('MAXAPI_MASTER_KEY: not set')
  try {
    brokerSettings(env)
    globalWebhook(env)
    queueEvents(env.MAXAPI_QUEUE_EVENTS)
    archivedEvents(env.MAXAPI_ARCHIVE_EVENTS)
  } catch (error) {
    faults.push((error as Error).message)
  }
  try {
    handshakeProfile(parseEndpoint(env.MAX_ENDPOINT, env.MAX_PROTOCOL).encoding, env.MAX_PROFILE)
  } catch (error) {
    faults.push((error as Error).message)
  }
  if (bound.DB === undefined && !bound.LIBSQL_URL) {
    faults.push('DB: the binding is missing and LIBSQL_URL is not set')
  }
  if (!parsed.success || faults.length > 0) throw new MisconfiguredError(faults.join('; '))
  return parsed.data
}

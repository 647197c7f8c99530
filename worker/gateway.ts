import { type Log, systemClock } from '../connector/clock.ts'
import { consoleLog } from '../connector/log.ts'
import { networkOf } from '../connector/network.ts'
import { Outbound } from '../connector/outbound-fetch.ts'
import { createVault, type Vault } from '../connector/vault.ts'
import { type OutboundPolicy, webhookPolicy } from '../schema/outbound.ts'
import type { SandboxRpc } from '../schema/sandbox-port.ts'
import type { SessionRpc } from '../schema/session-port.ts'
import { type Db, openD1, openLibsql } from './db.ts'
import { type Env, type ObjectsOf, readSettings, type Settings } from './env.ts'
import { type MaxHttp, openMaxHttp } from './media/max-http.ts'
import type { Assets } from './pages.ts'
import { openSessions } from './sessions.ts'

/** Everything the edge works with; tests pass their own. */
export interface Gateway {
  settings: Settings
  /** Opens the database; called anew for each request that needs it. */
  db: () => Db
  sessions: ObjectsOf<SessionRpc>
  sandboxes: ObjectsOf<SandboxRpc>
  /** Static files; absent where there are none. */
  assets?: Assets
  /** MAX's media servers. */
  max: MaxHttp
  /** Content on its way, and tenants' objects. */
  media: R2Bucket
  /** Requests to URLs that users give. */
  outbound(policy: OutboundPolicy): Outbound
  /** Opens what sessions have sealed. */
  vault: Vault
  log: Log
  now: () => number
  startedAt: number
}

/**
 * The gateway of a deployment.
 * @throws {MisconfiguredError}
 */
export const openGateway = (env: Env): Gateway => {
  const settings = readSettings(env)
  const { LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken } = settings
  return {
    settings,
    db: () =>
      url === '' ? openD1(env.DB) : openLibsql({ url, ...(authToken === '' ? {} : { authToken }) }),
    sessions: openSessions(env),
    sandboxes: env.SANDBOX,
    ...(env.ASSETS === undefined ? {} : { assets: env.ASSETS }),
    max: openMaxHttp(env),
    media: env.MEDIA,
    outbound: (policy) => new Outbound({ policy, clock: systemClock, ...networkOf(env) }),
    vault: createVault(env.MAXAPI_MASTER_KEY ?? ''),
    log: consoleLog(settings.MAXAPI_LOG_LEVEL, () => ({})),
    now: Date.now,
    startedAt: Date.now(),
  }
}

/** What URLs of a tenant may lead to. */
export const tenantPolicy = ({ settings }: Gateway, sandbox: boolean): OutboundPolicy => {
  const { MAXAPI_ALLOW_PRIVATE_NETWORK: allowPrivate, MAXAPI_LOOPBACK: loopback } = settings
  return webhookPolicy({ allowPrivate, loopback }, sandbox)
}

import { type ErrorCode, errors } from '../schema/errors.ts'
import { withDeadline } from './concurrency.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'
import { countWanted } from './tenants.ts'

/** Longer than a slow database takes, shorter than a load balancer waits. */
const DB_TIMEOUT_MS = 3_000

/** An answer that says the gateway does not work; it goes out with status 503. */
export class Degraded {
  readonly facts: object

  constructor(facts: object) {
    this.facts = facts
  }
}

/**
 * `uptime_seconds`, `db_ok` and what stands beside them are the names an older generation of this API
 * used. What does not exist here is 0 or false, because its clients require the fields.
 */
export const getHealth = async (gateway: Gateway): Promise<object | Degraded> => {
  const wanted = await askDatabase(gateway)
  const dbOk = wanted !== undefined
  const now = gateway.now()
  const uptimeSeconds = Math.floor((now - gateway.startedAt) / 1000)
  const facts = {
    status: dbOk ? 'ok' : 'degraded',
    version: gateway.settings.MAXAPI_VERSION,
    uptimeSeconds,
    uptime_seconds: uptimeSeconds,
    dbOk,
    db_ok: dbOk,
    rabbitmq_ok: false,
    connected_users: wanted ?? 0,
    goroutines: 0,
    mem_alloc_mb: 0,
    timestamp: Math.floor(now / 1000),
  }
  if (dbOk) return facts
  const code: ErrorCode = 'DEGRADED'
  return new Degraded({ error: errors[code].meaning, code, ...facts })
}

/** Reads the table that everything needs, so that a missing migration shows too. */
const askDatabase = async (gateway: Gateway): Promise<number | undefined> => {
  try {
    return await withDeadline(countWanted(gateway.db()), DB_TIMEOUT_MS)
  } catch (error) {
    gateway.log('error', 'database does not answer', describeError(error))
    return undefined
  }
}

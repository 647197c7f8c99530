import { type ErrorCode, errors } from '../schema/errors.ts'
import { tenants } from '../schema/tables.ts'
import { withDeadline } from './concurrency.ts'
import type { Db } from './db.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'

/** Longer than a slow database takes, shorter than a load balancer waits. */
const DB_TIMEOUT_MS = 3_000

/** An answer that says the gateway does not work; it goes out with status 503. */
export class Degraded {
  readonly facts: object

  constructor(facts: object) {
    this.facts = facts
  }
}

/** `uptime_seconds` and `db_ok` are the names an older generation of this API used. */
export const getHealth = async (gateway: Gateway): Promise<object | Degraded> => {
  const dbOk = await databaseAnswers(gateway)
  const now = gateway.now()
  const uptimeSeconds = Math.floor((now - gateway.startedAt) / 1000)
  const facts = {
    status: dbOk ? 'ok' : 'degraded',
    version: gateway.settings.MAXAPI_VERSION,
    uptimeSeconds,
    uptime_seconds: uptimeSeconds,
    dbOk,
    db_ok: dbOk,
    timestamp: Math.floor(now / 1000),
  }
  if (dbOk) return facts
  const code: ErrorCode = 'DEGRADED'
  return new Degraded({ error: errors[code].meaning, code, ...facts })
}

const databaseAnswers = async (gateway: Gateway): Promise<boolean> => {
  try {
    await withDeadline(probe(gateway.db()), DB_TIMEOUT_MS)
    return true
  } catch (error) {
    gateway.log('error', 'database does not answer', describeError(error))
    return false
  }
}

/** Reads the table that everything needs, so that a missing migration shows too. */
const probe = async (db: Db): Promise<void> => {
  await db.select({ id: tenants.id }).from(tenants).limit(1)
}

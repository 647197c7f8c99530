import { GatewayError } from '../schema/errors.ts'
import { findOperation, type Operation } from '../schema/operations/index.ts'
import type { CallContext, Reply } from '../schema/session-port.ts'
import { findStep, type Step } from '../schema/steps.ts'
import type { Attempt } from './idempotency.ts'
import type { LiveSession } from './live-session.ts'
import { RunScope } from './run-scope.ts'

/** How long a message that nobody waits for may lie here while the session is away. */
const ASYNC_QUEUE_MS = 24 * 3_600_000

/**
 * Runs one row of the operations table on a session.
 * @param input what the edge has parsed with the row's own schema
 * @throws {GatewayError} NOT_FOUND for an unknown row, NOT_CONNECTED when the row needs MAX and the
 *   session is offline, OUTCOME_UNKNOWN when a row that writes lost its answer, IDEMPOTENCY_MISMATCH
 *   and IN_PROGRESS over the key, and whatever the row itself answers.
 */
export const runOperation = async (
  live: LiveSession,
  name: string,
  input: unknown,
  context: CallContext,
): Promise<Reply> => {
  const row: Runnable | undefined = findOperation(name) ?? (findStep(name) as Runnable | undefined)
  if (row?.run === undefined) throw new GatewayError('NOT_FOUND', `no operation ${name}`)
  const work: Work = { live, row, input, context }
  const { idempotencyKey: key } = context
  if (key === undefined) return withSecrets(work, await perform(work))
  const stands = row.standsFor === undefined ? input : row.standsFor(input as never)
  if (row.recalls !== undefined && stands !== undefined) {
    const known = live.idempotency.recall(key, [row.recalls, stands])
    if (known) return known
  }
  if (row.creates !== true) return perform(work)
  const reply = await live.idempotency.run(key, [name, stands], (attempt) => perform(work, attempt))
  return withSecrets(work, reply)
}

/** The reply with what is not kept under a key. */
const withSecrets = async ({ live, row }: Work, reply: Reply): Promise<Reply> => {
  if (row.secrets === undefined || !reply.ok) return reply
  const kept = reply.data as Record<string, unknown>
  return { ...reply, data: { ...kept, ...(await row.secrets(live, kept)) } }
}

/** A row of the table, or a step that the edge asks for on its own. */
type Runnable = Operation & Pick<Step<never>, 'standsFor' | 'recalls'>

interface Work {
  live: LiveSession
  row: Runnable
  input: unknown
  context: CallContext
}

const perform = async ({ live, row, input, context }: Work, attempt?: Attempt): Promise<Reply> => {
  const isAsync = context.respondAsync === true && row.respondsAsync === true
  if (row.online) {
    if (isAsync) live.requireWanted()
    else await live.requireOnline()
  }
  const scope = new RunScope(live, { attempt, queueMs: isAsync ? ASYNC_QUEUE_MS : undefined })
  const run = row.run?.(scope.port, input as Record<string, unknown>, context)
  try {
    const accepted = isAsync && (await firstOf(scope.accepted, run))
    if (accepted) return { ok: true, data: { id: accepted, status: 'queued' }, accepted }
    return { ok: true, data: await run }
  } catch (error) {
    const isRead = row.method === 'GET' || row.reads === true
    throw isRead ? error : scope.told(error)
  }
}

/** Our id of the run's message once it is written down; `undefined` when the run ends without one. */
const firstOf = async (
  accepted: Promise<string>,
  run: Promise<unknown> | undefined,
): Promise<string | undefined> => {
  // What becomes of the message after that is told by its status.
  run?.catch(() => {})
  return Promise.race([accepted, run?.then(() => undefined)])
}

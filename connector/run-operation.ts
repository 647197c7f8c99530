import { GatewayError } from '../schema/errors.ts'
import { findOperation } from '../schema/operations/index.ts'
import type { CallContext } from '../schema/session-port.ts'
import type { LiveSession } from './live-session.ts'
import { RunScope } from './run-scope.ts'

/**
 * Runs one row of the operations table on a session.
 * @param input what the edge has parsed with the row's own schema
 * @throws {GatewayError} NOT_FOUND for an unknown row, NOT_CONNECTED when the row needs MAX and the
 *   session is offline, OUTCOME_UNKNOWN when a row that writes lost its answer, and whatever the row
 *   itself answers.
 */
export const runOperation = async (
  live: LiveSession,
  name: string,
  input: unknown,
  context: CallContext,
): Promise<unknown> => {
  const row = findOperation(name)
  if (row?.run === undefined) throw new GatewayError('NOT_FOUND', `no operation ${name}`)
  if (row.online) await live.requireOnline()
  const scope = new RunScope(live)
  try {
    return await row.run(scope.port, input as Record<string, unknown>, context)
  } catch (error) {
    const isRead = row.method === 'GET' || row.reads === true
    throw isRead ? error : scope.told(error)
  }
}

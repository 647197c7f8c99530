import { GatewayError } from '../schema/errors.ts'
import type { Operation, OperationName } from '../schema/operations/index.ts'
import type { CallContext, Reply } from '../schema/session-port.ts'
import type { StepName } from '../schema/steps.ts'
import type { Caller, TenantAccess } from './auth.ts'
import type { Gateway } from './gateway.ts'
import { unwrap } from './result.ts'
import { configOf } from './tenants.ts'

/** One operation to run in a tenant's session object. */
export interface SessionCall {
  name: OperationName | StepName
  method: Operation['method']
  input: unknown
  /** Facts of the request, beside the tenant's own. */
  facts: Pick<CallContext, 'idempotencyKey' | 'respondAsync' | 'admin'>
}

/**
 * Runs an operation in the caller's session object: one RPC as a rule. An object that does not know
 * the tenant, or knows another token, is told what the database says now and asked once more.
 * @returns what the operation answers, as data
 * @throws {GatewayError} UNAUTHORIZED when the tenant is gone; OUTCOME_UNKNOWN or INTERNAL_ERROR when
 *   the object went away during the call
 */
export const callSession = async (
  gateway: Gateway,
  access: TenantAccess,
  caller: Caller,
  call: SessionCall,
): Promise<Reply> => {
  const first = await invoke(gateway, caller, call)
  if (first.ok || first.error.code !== 'UNAUTHORIZED') return first
  const row = await access.reread(caller)
  unwrap(await gateway.sessions.getByName(row.id).configure(configOf(row)))
  return invoke(gateway, caller, call)
}

const invoke = async (
  gateway: Gateway,
  { tenant: { id, generation } }: Caller,
  { name, method, input, facts }: SessionCall,
): Promise<Reply> => {
  try {
    const context = { ...facts, tenantId: id, generation }
    return await gateway.sessions.getByName(id).invoke(name, input, context)
  } catch (cause) {
    throw lostCall(method, cause)
  }
}

const RETRY_MS = 1_000

/** The object went away during the call, or was too busy to take it. */
const lostCall = (method: Operation['method'], cause: unknown): GatewayError => {
  const neverRan = cause instanceof Error && 'overloaded' in cause && cause.overloaded === true
  return method === 'GET' || neverRan
    ? new GatewayError('INTERNAL_ERROR', undefined, { cause, retryAfterMs: RETRY_MS })
    : new GatewayError('OUTCOME_UNKNOWN', undefined, { cause })
}

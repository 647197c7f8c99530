import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { GatewayError } from '../schema/errors.ts'
import type { TenantModel } from '../schema/operations/admin.ts'
import type { Input } from '../schema/operations/index.ts'
import type { TenantRow } from '../schema/tables.ts'
import { hashToken } from './auth.ts'
import { mapLimit, withDeadline } from './concurrency.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'
import { unwrap } from './result.ts'
import {
  configOf,
  deleteTenant,
  findTenant,
  insertTenant,
  listTenants,
  updateTenant,
} from './tenants.ts'
import { refusePrivate } from './webhook.ts'

const PEEK_CONCURRENCY = 32
const PEEK_TIMEOUT_MS = 5_000
const PREVIEW_LENGTH = 6

type Tenant = z.output<typeof TenantModel>

export const listUsers = async (gateway: Gateway): Promise<{ data: Tenant[] }> => {
  const rows = await listTenants(gateway.db())
  return { data: await mapLimit(rows, PEEK_CONCURRENCY, (row) => describeTenant(gateway, row)) }
}

/** The tenant under `data`, and flat beside it as an older generation of this API had it. */
export const getUser = async (gateway: Gateway, input: Input<'getUser'>): Promise<object> => {
  const row = await findTenant(gateway.db(), input.id)
  if (row === undefined) throw unknownTenant()
  const data = await describeTenant(gateway, row)
  return {
    data,
    ...data,
    events: row.events,
    connected: data.connected === 1,
    connected_flag: row.wanted,
    auth_configured: data.authenticated,
    max_user_id: data.maxUserId ?? 0,
  }
}

export const createUser = async (gateway: Gateway, input: Input<'createUser'>): Promise<object> => {
  refusePrivate(gateway, input.webhook, input.sandbox)
  const token = input.token ?? `mx_${randomBytes(32).toString('base64url')}`
  const now = gateway.now()
  const row: TenantRow = {
    id: crypto.randomUUID(),
    name: input.name,
    tokenHash: hashToken(token),
    tokenPreview: `${token.slice(0, PREVIEW_LENGTH)}…`,
    generation: 1,
    webhook: input.webhook,
    events: input.events,
    sandbox: input.sandbox,
    wanted: false,
    createdAt: now,
    updatedAt: now,
  }
  if (!(await insertTenant(gateway.db(), row))) {
    throw new GatewayError('CONFLICT', 'This token is taken', { field: 'token' })
  }
  try {
    unwrap(await gateway.sessions.getByName(row.id).configure(configOf(row)))
  } catch (error) {
    // Nobody will ever learn this token, so the tenant must not stay.
    await deleteTenant(gateway.db(), row.id)
    throw error
  }
  return { id: row.id, token, name: row.name }
}

export const updateUser = async (gateway: Gateway, input: Input<'updateUser'>): Promise<object> => {
  const { id, ...patch } = input
  const known = await findTenant(gateway.db(), id)
  if (known === undefined) throw unknownTenant()
  refusePrivate(gateway, patch.webhook, known.sandbox)
  const row = await updateTenant(gateway.db(), id, patch, gateway.now())
  if (row === undefined) throw unknownTenant()
  unwrap(await gateway.sessions.getByName(id).configure(configOf(row)))
  return { message: 'User updated' }
}

/**
 * The row goes first: from then on no edge can configure the session anew. When the session cannot
 * be ended the row comes back, because nobody could find and end that session otherwise.
 */
export const deleteUser = async (gateway: Gateway, input: Input<'deleteUser'>): Promise<object> => {
  const row = await deleteTenant(gateway.db(), input.id)
  if (row === undefined) throw unknownTenant()
  try {
    await endSession(gateway, row)
  } catch (cause) {
    await insertTenant(gateway.db(), row)
    const text = 'The session could not be ended, so the user was not deleted; try again'
    throw new GatewayError('INTERNAL_ERROR', text, { cause })
  }
  if (row.sandbox) {
    await gateway.sandboxes
      .getByName(row.id)
      .destroy()
      .catch((error: unknown) => {
        gateway.log('warn', 'sandbox not emptied', { tenantId: row.id, ...describeError(error) })
      })
  }
  return { message: 'User deleted' }
}

/**
 * An object that forgets everything may go down before its answer is out. What it thinks of the
 * tenant afterwards tells the truth: a session that is gone knows nobody.
 */
const endSession = async (gateway: Gateway, { id, generation }: TenantRow): Promise<void> => {
  try {
    await gateway.sessions.getByName(id).destroy()
  } catch (cause) {
    const session = gateway.sessions.getByName(id)
    const after = await session.invoke('getStatus', {}, { tenantId: id, generation })
    if (after.ok || after.error.code !== 'UNAUTHORIZED') throw cause
  }
}

const unknownTenant = (): GatewayError => new GatewayError('NOT_FOUND', 'There is no such user')

/** A tenant with the live state of its session, or `unknown` when the object does not tell. */
const describeTenant = async (gateway: Gateway, row: TenantRow): Promise<Tenant> => {
  const status = await peek(gateway, row.id)
  return {
    id: row.id,
    name: row.name,
    tokenPreview: row.tokenPreview,
    webhook: row.webhook,
    events: row.events.join(','),
    sandbox: row.sandbox,
    maxUserId: status?.maxUserID || null,
    connected: status?.connected ? 1 : 0,
    authenticated: status?.authenticated ?? false,
    state: status?.state ?? 'unknown',
    createdAt: new Date(row.createdAt).toISOString(),
  }
}

const peek = async (gateway: Gateway, id: string) => {
  try {
    return await withDeadline(gateway.sessions.getByName(id).peek(), PEEK_TIMEOUT_MS)
  } catch (error) {
    gateway.log('warn', 'session does not answer', { tenantId: id, ...describeError(error) })
    return undefined
  }
}

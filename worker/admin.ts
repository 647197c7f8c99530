import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { GatewayError } from '../schema/errors.ts'
import { refuseExpiration, refuseHistory, refuseProxy } from '../schema/not-supported.ts'
import type { TenantModel } from '../schema/operations/admin.ts'
import type { Input } from '../schema/operations/index.ts'
import { refuseOutbound } from '../schema/outbound.ts'
import type { PeekedSession } from '../schema/session-port.ts'
import {
  changedStorage,
  defaultStorage,
  type StorageChange,
  storageView,
} from '../schema/storage-settings.ts'
import type { TenantRow } from '../schema/tables.ts'
import { hashToken } from './auth.ts'
import { mapLimit, withDeadline } from './concurrency.ts'
import { beginCreation, type Draft } from './creations.ts'
import { type Gateway, tenantPolicy } from './gateway.ts'
import { describeError } from './log.ts'
import { type OpenFacts, Replayed } from './replayed.ts'
import { unwrap } from './result.ts'
import {
  configOf,
  deleteTenant,
  findTenant,
  findTenantByTokenHash,
  insertTenant,
  listTenants,
  replaceTokenHash,
  type TenantPlace,
  updateTenant,
} from './tenants.ts'
import { refusePrivate } from './webhook.ts'

const PEEK_CONCURRENCY = 32
const PEEK_TIMEOUT_MS = 5_000
const PREVIEW_LENGTH = 6

type Tenant = z.output<typeof TenantModel>

export const listUsers = async (gateway: Gateway, input: Input<'listUsers'>): Promise<object> => {
  const { limit } = input
  const after = input.cursor === undefined ? undefined : placeOf(input.cursor)
  // One more than asked for tells whether there is a next page.
  const found = await listTenants(gateway.db(), {
    after,
    limit: limit === undefined ? undefined : limit + 1,
  })
  const rows = found.slice(0, limit)
  const data = await mapLimit(rows, PEEK_CONCURRENCY, (row) => describeTenant(gateway, row))
  const last = found.length > rows.length ? rows.at(-1) : undefined
  return last === undefined ? { data } : { data, nextCursor: `${last.createdAt}.${last.id}` }
}

const placeOf = (cursor: string): TenantPlace => {
  const dot = cursor.indexOf('.')
  return { createdAt: Number(cursor.slice(0, dot)), id: cursor.slice(dot + 1) }
}

/** The tenant under `data`, and flat beside it as an older generation of this API had it. */
export const getUser = async (gateway: Gateway, input: Input<'getUser'>): Promise<object> => {
  const row = await findTenant(gateway.db(), input.id)
  if (row === undefined) throw unknownTenant()
  const status = await peek(gateway, row.id)
  const data = tenantOf(row, status)
  return {
    data,
    ...data,
    events: row.events,
    connected: data.connected === 1,
    connected_flag: row.wanted,
    auth_configured: data.authenticated,
    max_user_id: data.maxUserId ?? 0,
    device_id: status?.deviceId ?? '',
    proxy_configured: noProxy.enabled,
    proxy_url: noProxy.proxy_url,
    s3_enabled: data.s3_config.enabled,
    s3_endpoint: data.s3_config.endpoint,
    s3_region: data.s3_config.region,
    s3_bucket: data.s3_config.bucket,
    media_delivery: data.s3_config.media_delivery,
  }
}

export const createUser = async (
  gateway: Gateway,
  input: Input<'createUser'>,
  { idempotencyKey: key }: OpenFacts = {},
): Promise<object | Replayed> => {
  refuseOlderSettings(input)
  refusePrivate(gateway, input.webhook, input.sandbox)
  refuseStorage(gateway, input.s3Config, input.sandbox)
  const fresh = { id: crypto.randomUUID(), token: input.token ?? newToken() }
  const answer = (draft: Draft) => ({ ...draft, name: input.name })
  if (key === undefined) {
    await addTenant(gateway, input, fresh)
    return answer(fresh)
  }
  const { vault, now } = gateway
  const request = { key, request: input, fresh }
  const creation = await beginCreation({ db: gateway.db(), vault, now: now() }, request)
  const { draft } = creation
  if (creation.isDone) return new Replayed(answer(draft))
  await addTenant(gateway, input, draft, creation.forget)
  await creation.finish()
  return answer(draft)
}

/** @param onNothing called before it throws, when it is certain that there is no such tenant */
const addTenant = async (
  gateway: Gateway,
  input: Input<'createUser'>,
  { id, token }: Draft,
  onNothing: () => Promise<void> = async () => {},
): Promise<void> => {
  const now = gateway.now()
  const row: TenantRow = {
    id,
    name: input.name,
    ...storedForm(token),
    generation: 1,
    webhook: input.webhook,
    events: input.events,
    sandbox: input.sandbox,
    wanted: false,
    createdAt: now,
    updatedAt: now,
  }
  const db = gateway.db()
  // It may be there already, by a run under the same key that was cut off.
  if (!(await insertTenant(db, row)) && (await findTenant(db, id)) === undefined) {
    await onNothing()
    throw tokenTaken()
  }
  try {
    const session = gateway.sessions.getByName(row.id)
    unwrap(await session.configure(configOf(row)))
    if (input.s3Config) unwrap(await session.setStorage(input.s3Config))
  } catch (error) {
    // Nobody will ever learn this token, so the tenant must not stay.
    await deleteTenant(gateway.db(), row.id)
    await onNothing()
    throw error
  }
}

export const updateUser = async (gateway: Gateway, input: Input<'updateUser'>): Promise<object> => {
  const { id, s3Config, ...patch } = input
  const known = await findTenant(gateway.db(), id)
  if (known === undefined) throw unknownTenant()
  refusePrivate(gateway, patch.webhook, known.sandbox)
  const row = await updateTenant(gateway.db(), id, patch, gateway.now())
  if (row === undefined) throw unknownTenant()
  const session = gateway.sessions.getByName(id)
  unwrap(await session.configure(configOf(row)))
  if (s3Config) unwrap(await session.setStorage(s3Config))
  return { message: 'User updated' }
}

/**
 * The database first: from then on the old token is nobody's. The session object, which refuses the old
 * generation at once, is told next; if it cannot be reached, rotating again is safe.
 */
export const rotateToken = async (
  gateway: Gateway,
  input: Input<'rotateToken'>,
): Promise<object> => {
  const { id } = input
  const token = input.token ?? newToken()
  const form = storedForm(token)
  const row = await replaceTokenHash(gateway.db(), id, form, gateway.now()).catch(
    async (error: unknown) => {
      const owner = await findTenantByTokenHash(gateway.db(), form.tokenHash)
      throw owner === undefined ? error : tokenTaken()
    },
  )
  if (row === undefined) throw unknownTenant()
  unwrap(await gateway.sessions.getByName(id).configure(configOf(row)))
  return { id, token, message: 'Token replaced' }
}

/** Refuses before a tenant is made what its session would refuse. @throws {GatewayError} */
const refuseStorage = (
  gateway: Gateway,
  change: StorageChange | undefined,
  sandbox: boolean,
): void => {
  if (change === undefined) return
  const policy = tenantPolicy(gateway, sandbox)
  changedStorage(defaultStorage, change, (url) => refuseOutbound(url, policy))
}

const newToken = (): string => `mx_${randomBytes(32).toString('base64url')}`

const storedForm = (token: string): Pick<TenantRow, 'tokenHash' | 'tokenPreview'> => ({
  tokenHash: hashToken(token),
  tokenPreview: `${token.slice(0, PREVIEW_LENGTH)}…`,
})

const tokenTaken = (): GatewayError =>
  new GatewayError('CONFLICT', 'This token is taken', { field: 'token' })

const refuseOlderSettings = (input: Input<'createUser'>): void => {
  refuseHistory(input.history)
  refuseExpiration(input.expiration)
  refuseProxy(input.proxyConfig?.enabled === true, 'proxyConfig')
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
const describeTenant = async (gateway: Gateway, row: TenantRow): Promise<Tenant> =>
  tenantOf(row, await peek(gateway, row.id))

const tenantOf = (row: TenantRow, status: PeekedSession | undefined): Tenant => {
  const maxUserId = status?.maxUserID || null
  return {
    id: row.id,
    name: row.name,
    token: row.tokenPreview,
    tokenPreview: row.tokenPreview,
    webhook: row.webhook,
    events: row.events.join(','),
    sandbox: row.sandbox,
    maxUserId,
    max_user_id: maxUserId,
    connected: status?.connected ? 1 : 0,
    authenticated: status?.authenticated ?? false,
    state: status?.state ?? 'unknown',
    createdAt: new Date(row.createdAt).toISOString(),
    history: 0,
    proxy_config: noProxy,
    s3_config: status?.storage ?? storageView(defaultStorage),
  }
}

/** What older clients expect of a tenant without one. */
const noProxy = { enabled: false, proxy_url: '' }

const peek = async (gateway: Gateway, id: string): Promise<PeekedSession | undefined> => {
  try {
    return await withDeadline(gateway.sessions.getByName(id).peek(), PEEK_TIMEOUT_MS)
  } catch (error) {
    gateway.log('warn', 'session does not answer', { tenantId: id, ...describeError(error) })
    return undefined
  }
}

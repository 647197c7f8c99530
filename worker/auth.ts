import { createHash, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../schema/errors.ts'
import type { TenantRow } from '../schema/tables.ts'
import type { Gateway } from './gateway.ts'
import { findTenantByTokenHash } from './tenants.ts'

/** What a call on the session needs to know of its tenant. */
export type KnownTenant = Pick<TenantRow, 'id' | 'generation' | 'wanted' | 'sandbox'>

/** How long an edge trusts what it read. The session object checks the generation on every call. */
const TTL_MS = 30_000
const MAX_ENTRIES = 10_000

/** A tenant's request after its token was recognised. */
export interface Caller {
  tokenHash: string
  tenant: KnownTenant
}

/** Finds out which tenant a request comes from. */
export class TenantAccess {
  readonly #gateway: Gateway
  readonly #cache = new TokenCache()

  constructor(gateway: Gateway) {
    this.#gateway = gateway
  }

  /**
   * The caller as last read, at most half a minute ago. For calls on the session object, which
   * checks the generation itself.
   * @throws {GatewayError} UNAUTHORIZED
   */
  async recent(headers: Headers): Promise<Caller> {
    const tokenHash = hashOf(headers)
    const tenant = this.#cache.get(tokenHash, this.#gateway.now())
    if (tenant !== undefined) return { tokenHash, tenant }
    return { tokenHash, tenant: this.#remember(tokenHash, await this.#read(tokenHash)) }
  }

  /**
   * The caller as it is now. For what the edge does before it asks the session object, or without it.
   * @throws {GatewayError} UNAUTHORIZED
   */
  async fresh(headers: Headers): Promise<Caller> {
    const tokenHash = hashOf(headers)
    return { tokenHash, tenant: this.#remember(tokenHash, await this.#read(tokenHash)) }
  }

  /**
   * The caller's row as it is now.
   * @throws {GatewayError} UNAUTHORIZED
   */
  current(headers: Headers): Promise<TenantRow> {
    return this.#read(hashOf(headers))
  }

  /**
   * Reads a caller anew whose session object did not accept what we remembered.
   * @throws {GatewayError} UNAUTHORIZED when the tenant or its token is gone.
   */
  async reread(caller: Caller): Promise<TenantRow> {
    this.#cache.delete(caller.tokenHash)
    const row = await this.#read(caller.tokenHash)
    caller.tenant = this.#remember(caller.tokenHash, row)
    return row
  }

  #remember(tokenHash: string, { id, generation, wanted, sandbox }: TenantRow): KnownTenant {
    const tenant = { id, generation, wanted, sandbox }
    this.#cache.set(tokenHash, tenant, this.#gateway.now())
    return tenant
  }

  async #read(tokenHash: string): Promise<TenantRow> {
    const row = await findTenantByTokenHash(this.#gateway.db(), tokenHash)
    if (row === undefined) throw new GatewayError('UNAUTHORIZED')
    return row
  }
}

/** Tenants by token hash: spares the database on the hot path, and never decides alone. */
export class TokenCache {
  readonly #entries = new Map<string, { tenant: KnownTenant; expiresAt: number }>()

  get(tokenHash: string, now: number): KnownTenant | undefined {
    const entry = this.#entries.get(tokenHash)
    return entry !== undefined && entry.expiresAt > now ? entry.tenant : undefined
  }

  set(tokenHash: string, tenant: KnownTenant, now: number): void {
    this.#entries.delete(tokenHash)
    if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest()
    this.#entries.set(tokenHash, { tenant, expiresAt: now + TTL_MS })
  }

  delete(tokenHash: string): void {
    this.#entries.delete(tokenHash)
  }

  /** A Map keeps insertion order: its first key was read longest ago. */
  #dropOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

/** The form in which an API token is stored and looked up. */
export const hashToken = (token: string): string => digest(token).toString('hex')

/** The API token of a tenant's request: header `token`, else `Authorization: Bearer`. */
export const tenantToken = (headers: Headers): string | undefined => {
  const token = headers.get('token')
  return token || bearer.exec(headers.get('authorization') ?? '')?.[1]
}

/** Whether an `Authorization` header holds the admin token, with or without `Bearer`. */
export const adminCheck = (adminToken: string): ((headers: Headers) => boolean) => {
  if (adminToken === '') return () => false
  const expected = digest(adminToken)
  const matches = (text: string): boolean => timingSafeEqual(digest(text), expected)
  return (headers) => {
    const authorization = headers.get('authorization')
    if (authorization === null) return false
    return matches(bearer.exec(authorization)?.[1] ?? authorization)
  }
}

const hashOf = (headers: Headers): string => {
  const token = tenantToken(headers)
  if (token === undefined) throw new GatewayError('UNAUTHORIZED')
  return hashToken(token)
}

const bearer = /^Bearer +(\S.*)$/i

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

import { and, asc, eq, gt, ne, or, sql } from 'drizzle-orm'
import type { TenantConfig } from '../schema/session-port.ts'
import { type TenantRow, tenants } from '../schema/tables.ts'
import type { Db } from './db.ts'

/** What may change during a tenant's life. Fields that are `undefined` stay as they are. */
export type TenantPatch = {
  [Field in 'name' | 'webhook' | 'events' | 'wanted']?: TenantRow[Field] | undefined
}

export const findTenant = async (db: Db, id: string): Promise<TenantRow | undefined> =>
  (await db.select().from(tenants).where(eq(tenants.id, id)))[0]

export const findTenantByTokenHash = async (
  db: Db,
  tokenHash: string,
): Promise<TenantRow | undefined> =>
  (await db.select().from(tenants).where(eq(tenants.tokenHash, tokenHash)))[0]

/** A place in the list of tenants: what comes after it. */
export interface TenantPlace {
  createdAt: number
  id: string
}

/** Tenants, oldest first: all of them, or a page. */
export const listTenants = async (
  db: Db,
  { after, limit }: { after?: TenantPlace | undefined; limit?: number | undefined } = {},
): Promise<TenantRow[]> => {
  const isAfter =
    after === undefined
      ? undefined
      : or(
          gt(tenants.createdAt, after.createdAt),
          and(eq(tenants.createdAt, after.createdAt), gt(tenants.id, after.id)),
        )
  const all = db
    .select()
    .from(tenants)
    .where(isAfter)
    .orderBy(asc(tenants.createdAt), asc(tenants.id))
  return limit === undefined ? all : all.limit(limit)
}

/** How many tenants' sessions should be online. */
export const countWanted = (db: Db): Promise<number> => db.$count(tenants, eq(tenants.wanted, true))

/** Ids of the tenants whose sessions should be online. */
export const listWantedIds = async (db: Db): Promise<string[]> => {
  const rows = await db
    .select({ id: tenants.id })
    .from(tenants)
    .where(eq(tenants.wanted, true))
    .orderBy(asc(tenants.id))
  return rows.map((row) => row.id)
}

/** Adds a tenant; `false` when its id or token is taken. */
export const insertTenant = async (db: Db, row: TenantRow): Promise<boolean> => {
  const added = await db
    .insert(tenants)
    .values(row)
    .onConflictDoNothing()
    .returning({ id: tenants.id })
  return added.length === 1
}

/** Changes a tenant and returns it as it is now; `undefined` when there is none. */
export const updateTenant = async (
  db: Db,
  id: string,
  patch: TenantPatch,
  now: number,
): Promise<TenantRow | undefined> => {
  const changed = await db
    .update(tenants)
    // Strictly growing: the session object takes settings only when they are newer than its own.
    .set({ ...patch, updatedAt: sql`max(${tenants.updatedAt} + 1, ${now})` })
    .where(eq(tenants.id, id))
    .returning()
  return changed[0]
}

/**
 * Replaces a tenant's API token and returns the tenant as it is now; `undefined` when there is none.
 * @throws when the token is another tenant's
 */
export const replaceTokenHash = async (
  db: Db,
  id: string,
  token: Pick<TenantRow, 'tokenHash' | 'tokenPreview'>,
  now: number,
): Promise<TenantRow | undefined> => {
  const changed = await db
    .update(tenants)
    .set({
      ...token,
      generation: sql`${tenants.generation} + 1`,
      updatedAt: sql`max(${tenants.updatedAt} + 1, ${now})`,
    })
    .where(eq(tenants.id, id))
    .returning()
  return changed[0]
}

/** Notes whether a tenant's session should be online; writes only when that is news. */
export const setWanted = async (db: Db, id: string, wanted: boolean): Promise<void> => {
  await db
    .update(tenants)
    .set({ wanted })
    .where(and(eq(tenants.id, id), ne(tenants.wanted, wanted)))
    .returning({ id: tenants.id })
}

/** Removes a tenant and returns what it was; `undefined` when there was none. */
export const deleteTenant = async (db: Db, id: string): Promise<TenantRow | undefined> =>
  (await db.delete(tenants).where(eq(tenants.id, id)).returning())[0]

/** What the tenant's session object has to know. */
export const configOf = (row: TenantRow): TenantConfig => ({
  id: row.id,
  name: row.name,
  generation: row.generation,
  updatedAt: row.updatedAt,
  sandbox: row.sandbox,
  webhook: row.webhook,
  events: row.events,
})

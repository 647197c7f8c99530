import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVault } from '../../connector/vault.ts'
import type { TenantRow } from '../../schema/tables.ts'
import { tenants } from '../../schema/tables.ts'
import { beginCreation } from '../../worker/creations.ts'
import type { Db } from '../../worker/db.ts'
import { type Migration, type MigrationTarget, migrate } from '../../worker/migrate.ts'
import {
  countWanted,
  deleteTenant,
  findTenant,
  findTenantByTokenHash,
  insertTenant,
  listTenants,
  listWantedIds,
  replaceTokenHash,
  setWanted,
  updateTenant,
} from '../../worker/tenants.ts'

/** A tenant of its own for each test; the store is shared within a file. */
export const tenantRow = (patch: Partial<TenantRow> = {}): TenantRow => ({
  id: crypto.randomUUID(),
  name: 'Shop',
  tokenHash: crypto.randomUUID(),
  tokenPreview: 'mx_abc…',
  generation: 1,
  webhook: '',
  events: ['All'],
  sandbox: false,
  wanted: false,
  createdAt: 1_000,
  updatedAt: 1_000,
  ...patch,
})

/** A database without any table, and its two faces. */
export interface DbUnderTest {
  db: Db
  target: MigrationTarget
}

/** What every database behind {@link Db} does alike. */
export const describeTenantDatabase = (
  title: string,
  open: () => Promise<DbUnderTest>,
  migrations: () => Migration[],
): void => {
  describe(title, () => {
    let db: Db
    let target: MigrationTarget
    beforeAll(async () => {
      ;({ db, target } = await open())
    })

    const added = async (patch: Partial<TenantRow> = {}): Promise<TenantRow> => {
      const row = tenantRow(patch)
      expect(await insertTenant(db, row)).toBe(true)
      return row
    }

    it('applies the migrations once', async () => {
      const names = migrations().map((migration) => migration.name)
      expect(names).not.toEqual([])
      expect(await migrate(migrations(), target)).toEqual(names)
      expect(await migrate(migrations(), target)).toEqual([])
    })

    it('[ID9] lets one of several begin a creation, and another go on with it', async () => {
      const vault = createVault('00'.repeat(32))
      const begin = (now: number, request: object = {}) => {
        const fresh = { id: crypto.randomUUID(), token: 'mx_token' }
        return beginCreation({ db, vault, now }, { key: 'key', request, fresh })
      }
      const [first, second] = await Promise.allSettled([begin(1_000), begin(1_000)])
      const begun = [first, second].flatMap((each) =>
        each.status === 'fulfilled' ? [each.value] : [],
      )
      expect(begun.map(({ isDone }) => isDone)).toEqual([false])
      const draft = begun[0]?.draft
      await expect(begin(2_000, { other: 1 })).rejects.toThrow(/another body/)
      const later = await begin(100_000)
      expect(later).toMatchObject({ draft, isDone: false })
      await later.finish()
      expect(await begin(100_001)).toMatchObject({ draft, isDone: true })
      await later.forget()
      expect((await begin(100_002)).draft).not.toEqual(draft)
    })

    it('refuses a history that is not its own', async () => {
      const renamed = migrations().map((each) => ({ ...each, name: `x${each.name}` }))
      await expect(migrate(renamed, target)).rejects.toThrow(/belongs to another version/)
      await expect(migrate([], target)).rejects.toThrow(/belongs to another version/)
    })

    it('leaves nothing of a migration that fails', async () => {
      const broken = {
        name: '9999_broken.sql',
        sql: 'CREATE TABLE half (id);--> statement-breakpoint\nINSERT INTO nowhere VALUES (1);',
      }
      await expect(migrate([...migrations(), broken], target)).rejects.toThrow()
      expect(await target.readColumn("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual(
        [],
      )
      expect(await migrate(migrations(), target)).toEqual([])
    })

    it('keeps a tenant as it was given', async () => {
      const row = await added({
        name: 'Лавка "№1"',
        events: ['Message', 'ReadReceipt'],
        sandbox: true,
        createdAt: 1_795_409_743_123,
      })
      expect(await findTenant(db, row.id)).toEqual(row)
      expect(await findTenantByTokenHash(db, row.tokenHash)).toEqual(row)
    })

    it('knows nobody by another id or token', async () => {
      expect(await findTenant(db, 'nobody')).toBeUndefined()
      expect(await findTenantByTokenHash(db, 'nothing')).toBeUndefined()
    })

    it('takes an id and a token once only', async () => {
      const row = await added()
      expect(await insertTenant(db, tenantRow({ id: row.id }))).toBe(false)
      expect(await insertTenant(db, tenantRow({ tokenHash: row.tokenHash }))).toBe(false)
      expect(await findTenant(db, row.id)).toEqual(row)
    })

    it('gives one of two simultaneous claims to a token', async () => {
      const tokenHash = crypto.randomUUID()
      const claims = [tenantRow({ tokenHash }), tenantRow({ tokenHash })]
      const outcomes = await Promise.all(claims.map((row) => insertTenant(db, row)))
      expect(outcomes.toSorted()).toEqual([false, true])
    })

    it('lists tenants by age', async () => {
      const young = await added({ createdAt: 3_000 })
      const old = await added({ createdAt: 2_000 })
      const ids = (await listTenants(db)).map((row) => row.id)
      expect(ids.indexOf(old.id)).toBeLessThan(ids.indexOf(young.id))
    })

    it('lists tenants in pages, also those of one millisecond', async () => {
      const createdAt = 900_000_000_000
      for (let n = 0; n < 3; n += 1) await added({ createdAt })
      const [first, second, third] = await listTenants(db, {
        after: { createdAt: createdAt - 1, id: '' },
        limit: 3,
      })
      const rest = await listTenants(db, { after: first!, limit: 2 })
      expect(rest).toEqual([second, third])
    })

    it('counts who should be online', async () => {
      const before = await countWanted(db)
      await added({ wanted: true })
      await added()
      expect(await countWanted(db)).toBe(before + 1)
    })

    it('replaces a token, but not by one that is taken', async () => {
      const [one, other] = [await added({ generation: 3 }), await added()]
      const token = { tokenHash: crypto.randomUUID(), tokenPreview: 'mx_new…' }
      const changed = { ...one, ...token, generation: 4, updatedAt: 9_000 }
      expect(await replaceTokenHash(db, one.id, token, 9_000)).toEqual(changed)
      expect(await findTenantByTokenHash(db, one.tokenHash)).toBeUndefined()
      expect(await replaceTokenHash(db, 'nobody', token, 9_000)).toBeUndefined()
      await expect(
        replaceTokenHash(db, one.id, { ...token, tokenHash: other.tokenHash }, 9_000),
      ).rejects.toThrow()
      expect(await findTenant(db, one.id)).toEqual(changed)
    })

    it('changes the given fields and no others', async () => {
      const row = await added({ webhook: 'https://example.com/hook' })
      const patch = { name: 'New', webhook: undefined, events: ['Typing'] }
      const changed = { ...row, name: 'New', events: ['Typing'], updatedAt: 5_000 }
      expect(await updateTenant(db, row.id, patch, 5_000)).toEqual(changed)
      expect(await findTenant(db, row.id)).toEqual(changed)
      expect(await updateTenant(db, 'nobody', patch, 5_000)).toBeUndefined()
      // Two changes in one millisecond are still two.
      expect((await updateTenant(db, row.id, {}, 5_000))?.updatedAt).toBe(5_001)
    })

    it('writes the wish to be online only when it is news', async () => {
      const row = await added()
      await setWanted(db, row.id, true)
      expect(await listWantedIds(db)).toContain(row.id)
      await setWanted(db, row.id, true)
      expect(await findTenant(db, row.id)).toEqual({ ...row, wanted: true })
      await setWanted(db, row.id, false)
      expect(await listWantedIds(db)).not.toContain(row.id)
    })

    it('deletes a tenant and frees its token', async () => {
      const row = await added()
      expect(await deleteTenant(db, row.id)).toEqual(row)
      expect(await deleteTenant(db, row.id)).toBeUndefined()
      expect(await findTenantByTokenHash(db, row.tokenHash)).toBeUndefined()
      expect(await insertTenant(db, tenantRow({ tokenHash: row.tokenHash }))).toBe(true)
    })

    it('undoes a batch of which one statement fails', async () => {
      const row = tenantRow()
      const outcome = db.batch([db.insert(tenants).values(row), db.insert(tenants).values(row)])
      await expect(outcome).rejects.toThrow()
      expect(await findTenant(db, row.id)).toBeUndefined()
    })

    it('does the statements of a batch in order', async () => {
      const row = tenantRow()
      const [, found] = await db.batch([
        db.insert(tenants).values(row).returning(),
        db.select({ id: tenants.id, sum: sql<number>`1 + 1` }).from(tenants).limit(1),
      ])
      expect(found).toEqual([{ id: expect.any(String), sum: 2 }])
    })
  })
}

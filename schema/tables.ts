import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Tenants: the control plane, in D1 or libSQL. Everything live is in the tenant's own object. */
export const tenants = sqliteTable(
  'tenants',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    /** SHA-256 of the API token, hex. The token itself is shown once and not kept. */
    tokenHash: text('token_hash').notNull().unique(),
    tokenPreview: text('token_preview').notNull(),
    /** Grows when the token changes, so that the session object can refuse an old one. */
    generation: integer('generation').notNull(),
    webhook: text('webhook').notNull(),
    /** JSON array of event names. */
    events: text('events', { mode: 'json' }).$type<string[]>().notNull(),
    sandbox: integer('sandbox', { mode: 'boolean' }).notNull(),
    /** Sessions that cron looks after: they were asked to be online and not to go offline since. */
    wanted: integer('wanted', { mode: 'boolean' }).notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  (table) => [index('tenants_wanted').on(table.wanted)],
)
export type TenantRow = typeof tenants.$inferSelect

/** Tenants made under an Idempotency-Key: what a request stands for, and what comes of it. */
export const creations = sqliteTable('creations', {
  /** SHA-256 of the key, hex. */
  key: text('key').primaryKey(),
  /** SHA-256 of the request, hex. */
  request: text('request').notNull(),
  /** Id and API token that the tenant gets, sealed: written down before there is a tenant. */
  draft: text('draft').notNull(),
  done: integer('done', { mode: 'boolean' }).notNull(),
  /** When the last run under the key began. */
  startedAt: integer('started_at').notNull(),
  createdAt: integer('created_at').notNull(),
})

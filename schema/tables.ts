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

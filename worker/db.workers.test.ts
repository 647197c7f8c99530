import { env } from 'cloudflare:workers'
import { describeTenantDatabase } from '../test/contract/db.ts'
import { openD1 } from './db.ts'
import { d1Target } from './migrate.ts'

/** What the test project binds beside what the Worker has. */
const bindings = env as unknown as {
  DB: D1Database
  TEST_MIGRATIONS: { name: string; queries: string[] }[]
}

describeTenantDatabase(
  'tenants in D1',
  async () => ({ db: openD1(bindings.DB), target: d1Target(bindings.DB) }),
  () =>
    bindings.TEST_MIGRATIONS.map(({ name, queries }) => ({
      name,
      sql: queries.join('--> statement-breakpoint'),
    })),
)

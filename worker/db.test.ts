import { createClient } from '@libsql/client/web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeTenantDatabase } from '../test/contract/db.ts'
import { readMigrations } from '../test/contract/migrations.ts'
import { type HranaServer, startHrana } from '../test/hrana.ts'
import { openLibsql } from './db.ts'
import { libsqlTarget } from './migrate.ts'

const authToken = 'token-of-the-test-server'
let server: HranaServer
beforeAll(async () => {
  server = await startHrana({ authToken })
})
afterAll(() => server.close())

describeTenantDatabase(
  'tenants in libSQL',
  async () => {
    const connection = { url: server.url, authToken }
    return { db: openLibsql(connection), target: libsqlTarget(createClient(connection)) }
  },
  readMigrations,
)

describe('openLibsql', () => {
  it('passes the token on', async () => {
    const db = openLibsql({ url: server.url, authToken: 'wrong' })
    await expect(db.run('SELECT 1')).rejects.toThrow()
    expect(await openLibsql({ url: server.url, authToken }).all('SELECT 1 AS one')).toEqual([
      expect.objectContaining({ one: 1 }),
    ])
  })
})

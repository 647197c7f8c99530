import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createClient } from '@libsql/client/web'
import { libsqlTarget, type Migration, migrate } from '../worker/migrate.ts'
import { HostError } from './host-error.ts'

const folder = path.join(path.dirname(import.meta.dirname), 'schema/migrations')

export const readMigrations = (): Migration[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(path.join(folder, name), 'utf8') }))

export interface Libsql {
  url: string
  authToken: string
}

/** Brings the tenants' database up to date where it is a libSQL server. Returns what was applied. */
export const migrateLibsql = async ({ url, authToken }: Libsql): Promise<string[]> => {
  const client = createClient({ url, ...(authToken !== '' && { authToken }) })
  try {
    return await migrate(readMigrations(), libsqlTarget(client))
  } catch (error) {
    // Not the message: a driver may repeat the URL, and URLs may carry credentials.
    const { host } = new URL(url)
    throw new HostError(`cannot prepare the libSQL database at ${host}; check LIBSQL_URL`, {
      cause: error,
    })
  } finally {
    client.close()
  }
}

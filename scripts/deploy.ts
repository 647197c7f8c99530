/**
 * `npm run deploy`: brings the database up to date, then the Worker. Arguments go to
 * `wrangler deploy`; `npm run deploy -- --dry-run` only builds and needs no network.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { copyAssets } from '../host/assets.ts'
import { HostError } from '../host/host-error.ts'
import { migrateLibsql } from '../host/migrate.ts'
import { parseWranglerConfig } from '../host/miniflare-options.ts'
import { run } from './run.ts'

const PLACEHOLDER = /^[0-]*$/

const fail = (message: string): never => {
  process.stderr.write(`deploy: ${message}\n`)
  process.exit(1)
}

const file = path.join(path.dirname(import.meta.dirname), 'wrangler.toml')
const [database] = parseWranglerConfig(readFileSync(file, 'utf8')).d1_databases
const { LIBSQL_URL = '', LIBSQL_AUTH_TOKEN = '' } = process.env

const migrateD1 = (): void => {
  if (database === undefined) return fail('wrangler.toml binds no D1 database')
  const { database_name: name, database_id: id } = database
  if (PLACEHOLDER.test(id)) {
    return fail(
      `database_id in wrangler.toml is not filled in. Run \`npx wrangler d1 create ${name}\` once ` +
        'and put the id that it prints there (or use libSQL: see README).',
    )
  }
  const { ok } = run('wrangler', ['d1', 'migrations', 'apply', name, '--remote'])
  if (!ok) fail('the migrations were not applied; nothing was deployed')
}

copyAssets()
const args = process.argv.slice(2)
if (!args.includes('--dry-run')) {
  if (LIBSQL_URL === '') migrateD1()
  else {
    await migrateLibsql({ url: LIBSQL_URL, authToken: LIBSQL_AUTH_TOKEN }).catch((error) =>
      fail(error instanceof HostError ? error.message : String(error)),
    )
  }
}
process.exit(run('wrangler', ['deploy', ...args]).ok ? 0 : 1)

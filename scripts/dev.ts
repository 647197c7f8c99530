/**
 * `npm run dev`: wrangler dev with everything it needs, for editing. Secrets are made once into
 * `.dev.vars`, the local database is brought up to date. Arguments go to `wrangler dev`.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { copyAssets } from '../host/assets.ts'
import { run } from './run.ts'

const file = path.join(path.dirname(import.meta.dirname), '.dev.vars')
if (!existsSync(file)) {
  const lines = [
    `MAXAPI_ADMIN_TOKEN=${randomBytes(24).toString('hex')}`,
    `MAXAPI_MASTER_KEY=${randomBytes(32).toString('hex')}`,
    // wrangler dev listens on this machine only.
    'MAXAPI_LOOPBACK=true',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  process.stdout.write('dev: made .dev.vars with an admin token and a master key\n')
}
copyAssets()
if (!run('wrangler', ['d1', 'migrations', 'apply', 'DB', '--local']).ok) process.exit(1)
process.exit(run('wrangler', ['dev', ...process.argv.slice(2)]).ok ? 0 : 1)

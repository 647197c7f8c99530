// Runs a command with the project's own tools first in PATH, after installing what is missing.
// Plain JavaScript for any Node from 20 on: it runs before anything is installed.
//
//   node scripts/with-deps.mjs node host/main.ts --port 8080
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const modules = path.join(root, 'node_modules')
const bin = path.join(modules, '.bin')
const windows = process.platform === 'win32'

/** Packages by folder as a lock file has them; empty when there is none. */
const packagesOf = (lockFile) =>
  existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : {}

// npm leaves its own copy of the lock file in node_modules when an installation is complete.
const present = packagesOf(path.join(modules, '.package-lock.json'))
const installed = Object.entries(packagesOf(path.join(root, 'package-lock.json'))).every(
  ([folder, { version, optional }]) =>
    folder === '' || optional || present[folder]?.version === version,
)

if (!installed) {
  process.stderr.write('Installing dependencies (once)...\n')
  const install = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: windows,
  })
  if (install.status !== 0) {
    process.stderr.write('npm ci failed; the lines above say why.\n')
    process.exit(install.status ?? 1)
  }
}

const [command, ...args] = process.argv.slice(2)
if (command === undefined) {
  process.stderr.write('usage: node scripts/with-deps.mjs <command> [arguments]\n')
  process.exit(2)
}
const child = spawn(command, args, {
  cwd: root,
  stdio: 'inherit',
  shell: windows,
  env: {
    ...process.env,
    PATH: bin + path.delimiter + (process.env.PATH ?? ''),
    // wrangler and Miniflare: no telemetry, no look-ups outside the machine.
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    X_LOCAL_OBSERVABILITY: 'false',
    X_LOCAL_EXPLORER: 'false',
    DO_NOT_TRACK: '1',
  },
})
// A terminal sends SIGINT to the whole group by itself; the child decides when to end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('error', (error) => {
  process.stderr.write(`cannot run ${command}: ${error.message}\n`)
  process.exit(127)
})
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal)
  else process.exit(code ?? 1)
})

/** `npm run check`: what to run before every commit. Stops at the first step that fails. */
import { run } from './run.ts'

/** A test that spins cannot be stopped from inside its own thread. */
const STEP_TIMEOUT_MS = 120_000

const steps: [name: string, command: string, ...args: string[]][] = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc'],
  ['unit tests', 'vitest', 'run', '--project', 'unit', '--reporter', 'dot'],
]

const done: string[] = []
for (const [name, command, ...args] of steps) {
  const { ok, seconds } = run(command, args, STEP_TIMEOUT_MS)
  if (!ok) {
    process.stderr.write(`\ncheck: ${name} failed: ${[command, ...args].join(' ')}\n`)
    process.exit(1)
  }
  done.push(`${name} ${seconds.toFixed(1)} s`)
}
process.stdout.write(`\ncheck: ${done.join(', ')}: all fine\n`)

import { run } from './run.ts'

/** A test that spins cannot be stopped from inside its own thread. */
const STEP_TIMEOUT_MS = 120_000

export type Step = [name: string, command: string, ...args: string[]]

/** What needs no test runner: the import rule between the rooms is part of it. */
export const statics: Step[] = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc'],
]

/** Runs steps until one fails; ends the process then, else tells how long each took. */
export const runSteps = (title: string, steps: Step[], timeoutMs?: number): void => {
  const done: string[] = []
  for (const [name, command, ...args] of steps) {
    const { ok, seconds } = run(command, args, timeoutMs ?? STEP_TIMEOUT_MS)
    if (!ok) {
      process.stderr.write(`\n${title}: ${name} failed: ${[command, ...args].join(' ')}\n`)
      process.exit(1)
    }
    done.push(`${name} ${seconds.toFixed(1)} s`)
  }
  process.stdout.write(`\n${title}: ${done.join(', ')}: all fine\n`)
}

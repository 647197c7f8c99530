import { spawnSync } from 'node:child_process'

interface Outcome {
  ok: boolean
  seconds: number
}

/** Runs a tool of the project with its output on this terminal; `timeoutMs` ends it as failed. */
export const run = (command: string, args: string[], timeoutMs?: number): Outcome => {
  const began = performance.now()
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    timeout: timeoutMs,
    shell: process.platform === 'win32',
  })
  if (error) process.stderr.write(`cannot run ${command}: ${error.message}\n`)
  return { ok: status === 0, seconds: (performance.now() - began) / 1000 }
}

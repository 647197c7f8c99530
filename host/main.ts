import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { announce } from './announce.ts'
import { helpText, readCommand, type Settings, UsageError } from './flags.ts'
import { codeOf, HostError } from './host-error.ts'
import { createLog, type Log } from './log.ts'
import { startHost, version } from './start.ts'

const fail = (message: string, exitCode: number): never => {
  process.stderr.write(`maxapi: ${message.split('\n', 1)[0]}\n`)
  process.exit(exitCode)
}

const readDotenv = (): Record<string, string | undefined> => {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    return fail(`cannot read .env: ${(error as Error).message}`, 2)
  }
}

const readCommandLine = () => {
  try {
    return readCommand({ flags: process.argv.slice(2), env: process.env, dotenv: readDotenv() })
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message, 2)
    throw error
  }
}

const run = async (settings: Settings): Promise<void> => {
  const log = createLog({
    type: settings.logtype,
    color: settings.color,
    write: (line) => process.stdout.write(`${line}\n`),
  })
  const starting = startHost({ ...settings, log })
  stopOnSignal(() => starting.then((host) => host.stop()), log)
  const host = await starting
  announce(host, settings, log)
}

/** The first signal stops cleanly, the second at once. */
const stopOnSignal = (stop: () => Promise<void>, log: Log): void => {
  let stopping = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1)
    stopping = true
    log('info', 'stopping', { signal })
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

const command = readCommandLine()
if (command.name === 'help') process.stdout.write(helpText())
else if (command.name === 'version') process.stdout.write(`${version}\n`)
else {
  run(command.settings).catch((error) => {
    const reason = error instanceof HostError ? error.message : `cannot start: ${error?.message}`
    fail(reason, 1)
  })
}

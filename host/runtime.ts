import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import {
  convertV4MiniflareOptions,
  LogLevel,
  Miniflare,
  Log as MiniflareLog,
  type V4WorkerOptions,
} from 'miniflare'
import { CONTROL_PATHS, SECRET_HEADER } from '../schema/process-ports.ts'
import { STOPPING } from '../worker/drain.ts'
import type { Migration } from '../worker/migrate.ts'
import { guardRuntime } from './guard.ts'
import { type Log, readRuntimeLine } from './log.ts'

/** The class of the Worker that takes requests from outside. */
const LISTENER = 'Front'
/** The class of it that the host calls. */
const CONTROL = 'Control'
/** The class of it that session processes call. */
const HOME = 'Home'

/** A stop waits for the requests under way, some seconds at most. */
const ASK_MS = 60_000

interface RuntimeOptions {
  worker: Omit<V4WorkerOptions, 'modules'>
  /** The Worker as one ES module. */
  code: string
  host: string
  port: number
  /** The secret of this run. */
  secret: string
  /** Whether session processes call it. */
  hasProcesses: boolean
  /** Folder for D1, Durable Objects and R2. */
  folder: string
  log: Log
  /** The runtime crashed and is back: everything in its memory is gone. */
  onRestart: () => void
}

export interface Runtime {
  /** Port of the Worker's own socket. */
  port: number
  /** Where session processes call it, as `host:port`. */
  home: string
  pid(): number | undefined
  /** Brings the tenants' database in D1 up to date; returns the names of what was applied. */
  migrate(migrations: readonly Migration[]): Promise<string[]>
  tick(cron: string): Promise<void>
  stop(): Promise<void>
}

/** Miniflare's own remarks, a crash of the runtime for one, go where all lines go. */
class RuntimeLog extends MiniflareLog {
  readonly #write: Log

  constructor(write: Log) {
    super(LogLevel.WARN)
    this.#write = write
  }

  override logWithLevel(level: LogLevel, message: string): void {
    if (level > LogLevel.WARN) return
    const entry = readRuntimeLine(level === LogLevel.ERROR ? 'error' : 'warn', message)
    this.#write(entry.level, entry.message, entry.fields)
  }
}

/** Miniflare ends the process by itself on a signal, before anybody could stop cleanly. */
const keepingSignals = <Value>(make: () => Value): Value => {
  const signals = ['SIGINT', 'SIGTERM'] as const
  const before = signals.map((signal) => process.listeners(signal))
  const value = make()
  signals.forEach((signal, index) => {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.off(signal, listener)
    }
  })
  return value
}

/** No proxy of the environment may come in between, so the agent is an own one. */
const askWorker = async (url: string, secret: string, body: string): Promise<unknown> => {
  const signal = AbortSignal.timeout(ASK_MS)
  const headers = { [SECRET_HEADER]: secret }
  const asked = request(url, { method: 'POST', headers, signal, agent: new Agent() })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const said = await text(answer)
  if (answer.statusCode !== 200) throw new Error(said || `the Worker said ${answer.statusCode}`)
  return JSON.parse(said)
}

/** Starts the embedded workerd with one Worker on a socket of its own. */
export const startRuntime = async (options: RuntimeOptions): Promise<Runtime> => {
  const { worker, code, host, port, secret, hasProcesses, folder, log, onRestart } = options
  const guard = guardRuntime(
    ([file = '', ...args]) =>
      path.basename(file).startsWith('workerd') && args.includes('--binary'),
  )
  const instance = convertV4MiniflareOptions({
    // Miniflare's own entry, which nobody is told about.
    host: '127.0.0.1',
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    log: new RuntimeLog(log),
    handleStructuredLogs: (line) => {
      const entry = readRuntimeLine(line.level, line.message)
      log(entry.level, entry.message, entry.fields)
    },
    unsafeHandleRuntimeRestart: onRestart,
    resourcePersistencePath: folder,
    workers: [
      {
        ...worker,
        modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
        // Past Miniflare's entry, which costs more than the Worker does.
        unsafeDirectSockets: [
          { host, port, entrypoint: LISTENER },
          { host: '127.0.0.1', port: 0, entrypoint: CONTROL },
          ...(hasProcesses ? [{ host: '127.0.0.1', port: 0, entrypoint: HOME }] : []),
        ],
      },
    ],
  })
  const miniflare = keepingSignals(() => new Miniflare(instance))
  const ask = async (path: string, body: string): Promise<unknown> =>
    askWorker(
      `${(await miniflare.unsafeGetDirectURL(undefined, CONTROL)).origin}${path}`,
      secret,
      body,
    )
  const tick = async (cron: string) => {
    await ask(CONTROL_PATHS.cron, cron)
  }
  const stop = async () => {
    // Miniflare ends the runtime with SIGKILL: what is under way has to finish before.
    // After a Ctrl-C it has had the signal too and may be gone already.
    await tick(STOPPING).catch(() => {})
    await miniflare.dispose()
    guard.end()
  }
  try {
    await miniflare.ready
    return {
      port: Number((await miniflare.unsafeGetDirectURL(undefined, LISTENER)).port),
      home: hasProcesses ? (await miniflare.unsafeGetDirectURL(undefined, HOME)).host : '',
      pid: guard.pid,
      migrate: async (migrations) =>
        (await ask(CONTROL_PATHS.migrate, JSON.stringify(migrations))) as string[],
      tick,
      stop,
    }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

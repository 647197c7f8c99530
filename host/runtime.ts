import path from 'node:path'
import {
  convertV4MiniflareOptions,
  LogLevel,
  Miniflare,
  Log as MiniflareLog,
  type V4WorkerOptions,
} from 'miniflare'
import { STOPPING } from '../worker/drain.ts'
import { guardRuntime } from './guard.ts'
import { type Log, readRuntimeLine } from './log.ts'

/** The class of the Worker that takes requests from outside. */
const LISTENER = 'Front'
/** The class of it that session processes call. */
const HOME = 'Home'

interface RuntimeOptions {
  worker: Omit<V4WorkerOptions, 'modules'>
  /** The Worker as one ES module. */
  code: string
  host: string
  port: number
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
  d1(binding: string): Promise<D1Database>
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

/** Starts the embedded workerd with one Worker on a socket of its own. */
export const startRuntime = async (options: RuntimeOptions): Promise<Runtime> => {
  const { worker, code, host, port, hasProcesses, folder, log, onRestart } = options
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
          ...(hasProcesses ? [{ host: '127.0.0.1', port: 0, entrypoint: HOME }] : []),
        ],
      },
    ],
  })
  const miniflare = keepingSignals(() => new Miniflare(instance))
  const tick = async (cron: string) => {
    const entry = await miniflare.getWorker()
    await entry.scheduled({ cron, scheduledTime: new Date() })
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
      d1: (binding) => miniflare.getD1Database(binding),
      tick,
      stop,
    }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

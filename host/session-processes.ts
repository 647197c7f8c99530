import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { createGuard, type Guard } from './guard.ts'
import { HostError } from './host-error.ts'
import { type Log, readRuntimeLine } from './log.ts'
import type { WranglerConfig } from './miniflare-options.ts'
import { sessionFolders } from './place-sessions.ts'
import { sessionConfig } from './session-config.ts'

const LOOK_MS = 20
const START_MS = 30_000
/** One that ends sooner than this after its start waits before the next. */
const STABLE_MS = 10_000
const RESTART_MS = 1_000

/** The binary that Miniflare runs too. */
const runtime: string = createRequire(import.meta.url)('workerd').default

interface SessionProcessesOptions {
  count: number
  dataFolder: string
  log: Log
  /** A process crashed and is back: everything in its memory is gone. */
  onRestart: () => void
}

interface Work {
  wrangler: WranglerConfig
  /** The Worker as one ES module. */
  code: string
  variables: Record<string, string>
  /** `host:port` of the main process. */
  home: string
}

/**
 * The processes that have the sessions: the runtime uses one thread, and a commit stops it until the
 * disk has it. Each is a plain workerd; the main process reaches it by a socket in a folder that is
 * closed to other users.
 */
export class SessionProcesses {
  readonly #options: SessionProcessesOptions
  readonly #socketFolder: string
  readonly #children: { child: ChildProcess; guard: Guard }[] = []
  #isStopping = false

  constructor(options: SessionProcessesOptions) {
    this.#options = options
    // Paths of sockets may be 100 characters long, those of data folders are longer.
    this.#socketFolder = options.count === 0 ? '' : mkdtempSync(path.join(tmpdir(), 'maxapi-'))
  }

  /** What the main process's Worker reaches them by, as bindings for Miniflare. */
  get bindings(): Record<string, { external: { address: string; http: object } }> {
    return Object.fromEntries(
      this.#numbers.map((number) => [
        `SESSIONS_${number}`,
        { external: { address: `unix:${this.#socket(number)}`, http: {} } },
      ]),
    )
  }

  /**
   * Starts them and waits until all of them listen.
   * @throws {HostError}
   */
  async start(work: Work): Promise<void> {
    if (this.#options.count === 0) return
    const { dataFolder } = this.#options
    const configFolder = path.join(dataFolder, 'run')
    mkdirSync(configFolder, { recursive: true, mode: 0o700 })
    writeFileSync(path.join(configFolder, 'worker.js'), work.code)
    await Promise.all(
      this.#numbers.map(async (number) => {
        const file = path.join(configFolder, `sessions-${number}.capnp`)
        const folder = sessionFolders(dataFolder, this.#options.count)[number] ?? ''
        mkdirSync(folder, { recursive: true })
        const { wrangler, variables, home } = work
        const config = sessionConfig({
          wrangler,
          variables: Object.keys(variables),
          codeFile: 'worker.js',
          folder,
          socket: this.#socket(number),
          home,
        })
        writeFileSync(file, config)
        await this.#run(number, file, variables)
      }),
    )
  }

  /** Ends them at once: nothing is under way any more when the main process has stopped. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(
      this.#children.map(async ({ child, guard }) => {
        if (child.exitCode === null && child.signalCode === null) {
          const ended = once(child, 'exit')
          child.kill('SIGKILL')
          await ended
        }
        guard.end()
      }),
    )
    if (this.#socketFolder !== '') rmSync(this.#socketFolder, { recursive: true, force: true })
  }

  get #numbers(): number[] {
    return Array.from({ length: this.#options.count }, (_, number) => number)
  }

  #socket(number: number): string {
    return path.join(this.#socketFolder, String(number))
  }

  async #run(number: number, file: string, env: Record<string, string>): Promise<void> {
    const startedAt = Date.now()
    const child = this.#spawn(number, file, env)
    try {
      await this.#listening(child, this.#socket(number))
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    child.once('exit', async (code, signal) => {
      if (this.#isStopping) return
      const { log, onRestart } = this.#options
      log('error', 'a session process ended and is started again', { number, code, signal })
      if (Date.now() - startedAt < STABLE_MS) await delay(RESTART_MS)
      while (!this.#isStopping) {
        try {
          await this.#run(number, file, env)
          return onRestart()
        } catch (error) {
          log('error', 'a session process does not start', { number, error: String(error) })
          await delay(RESTART_MS)
        }
      }
    })
  }

  #spawn(number: number, file: string, env: Record<string, string>): ChildProcess {
    const { log } = this.#options
    rmSync(this.#socket(number), { force: true })
    const child = spawn(runtime, ['serve', '--experimental', file], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const guard = this.#children[number]?.guard ?? createGuard()
    this.#children[number] = { child, guard }
    child.once('spawn', () => guard.follow(child))
    child.on('error', (error) => log('error', 'the runtime cannot run', { error: String(error) }))
    const tell = (line: string) => {
      const entry = readRuntimeLine(...structured(line))
      log(entry.level, entry.message, entry.fields)
    }
    createInterface({ input: child.stdout }).on('line', tell)
    createInterface({ input: child.stderr }).on('line', tell)
    return child
  }

  async #listening(child: ChildProcess, socket: string): Promise<void> {
    for (const deadline = Date.now() + START_MS; !(await opens(socket)); await delay(LOOK_MS)) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        throw new HostError('a session process does not start')
      }
    }
  }
}

const opens = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })

/** Level and text of a line of workerd's: `{"timestamp", "level", "message"}`, or plain words. */
const structured = (line: string): [level: string, message: string] => {
  try {
    const { level, message } = JSON.parse(line) as { level?: unknown; message?: unknown }
    if (typeof level === 'string' && typeof message === 'string') return [level, message]
  } catch {
    // Plain words.
  }
  return ['warn', line]
}

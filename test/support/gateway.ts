import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, createClient } from '../../client/index.ts'
import type { RunningSandbox } from '../../sandbox/node/server.ts'
import type { Receiver } from './receiver.ts'
import { Rest } from './rest.ts'

const main = path.join(import.meta.dirname, '../../host/main.ts')
const START_MS = 30_000
const LOG_LINES = 400

export interface LogLine {
  message: string
  url?: string
  [field: string]: unknown
}

/** A tenant with its own token and, as a rule, its own receiver. */
export interface Tenant extends Rest {
  id: string
  token: string
  /** The published client, as an integrator has it. It knows the gateway's address of now. */
  client(): Client
}

interface NewTenant {
  receiver?: Receiver
  events?: string[]
  sandbox?: boolean
}

/** The self-host gateway as a process of its own, on a data folder that outlives its restarts. */
export class Gateway {
  readonly #env: NodeJS.ProcessEnv
  readonly #folder: string
  readonly #lines: string[] = []
  /** What it logged as an error. */
  readonly errors: string[] = []
  readonly #logged = new EventEmitter<{ line: [LogLine] }>()
  #child: ChildProcess | undefined
  #url = ''
  #adminToken = ''

  constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder
    this.#env = { PATH: process.env.PATH, HOME: folder, ...env }
  }

  get url(): string {
    return this.#url
  }

  /** The last lines it wrote, for the message of a failure. */
  get log(): string {
    return this.#lines.join('\n')
  }

  /** Header of the administrator. */
  get adminHeaders(): { authorization: string } {
    return { authorization: `Bearer ${this.#adminToken}` }
  }

  /** Path of a file in its data folder. */
  dataFile(name: string): string {
    return path.join(this.#folder, 'data', name)
  }

  get admin(): Rest {
    return new Rest(() => this.#url, this.adminHeaders)
  }

  /** Of its host process; 0 while there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** @param env variables of this start and those to come */
  async start(env: Record<string, string> = {}): Promise<void> {
    Object.assign(this.#env, env)
    const flags = ['--port', '0', '--data', path.join(this.#folder, 'data'), '--logtype', 'json']
    // In a group of its own, so that `kill` reaches the host and its runtime in one moment.
    const child = spawn(process.execPath, [main, ...flags], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child = child
    process.once('exit', this.#killAtExit)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#read(line))
    }
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the gateway ended with ${code}:\n${this.log}`)
    })
    const listening = await Promise.race([
      this.logged((line) => line.message === 'listening', START_MS),
      ended,
    ])
    this.#url = listening.url ?? ''
    this.#adminToken = (await readFile(this.dataFile('admin-token'), 'utf8')).trim()
  }

  /** `kill -9` of all its processes at once: nothing gets to finish anything. */
  async kill(): Promise<void> {
    await this.#end((pid) => process.kill(-pid, 'SIGKILL'))
  }

  async stop(): Promise<void> {
    await this.#end((pid) => process.kill(pid, 'SIGTERM'))
  }

  /** Stops it and removes its data. */
  async remove(): Promise<void> {
    await this.stop()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** The first log line from now on that fits. */
  async logged(fits: (line: LogLine) => boolean, withinMs: number): Promise<LogLine> {
    const deadline = AbortSignal.timeout(withinMs)
    const lines = this.#logged
    return new Promise((resolve, reject) => {
      const onLine = (line: LogLine): void => {
        if (!fits(line)) return
        lines.off('line', onLine)
        resolve(line)
      }
      lines.on('line', onLine)
      deadline.addEventListener('abort', () => {
        lines.off('line', onLine)
        reject(new Error(`no such line in the gateway's log:\n${this.log}`))
      })
    })
  }

  /** A new tenant; its receiver learns the secret that signs the deliveries. */
  async createTenant({ receiver, events, sandbox }: NewTenant = {}): Promise<Tenant> {
    const { id, token } = await this.admin.post<{ id: string; token: string }>('/admin/users', {
      name: 'test',
      webhook: receiver?.url ?? '',
      ...(events && { events }),
      ...(sandbox && { sandbox }),
    })
    const tenant = Object.assign(new Rest(() => this.#url, { token }), {
      id,
      token,
      client: () => createClient({ url: this.#url, token }),
    })
    if (receiver) receiver.secret = (await tenant.get<{ secret: string }>('/webhook')).secret
    return tenant
  }

  #read(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > LOG_LINES) this.#lines.shift()
    try {
      const entry = JSON.parse(line) as LogLine
      if (entry.level === 'error') this.errors.push(line)
      this.#logged.emit('line', entry)
    } catch {
      // A line of Node itself.
    }
  }

  /** For a test run that ends before the test does. */
  readonly #killAtExit = (): void => {
    if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
  }

  async #end(signal: (pid: number) => void): Promise<void> {
    const child = this.#child
    process.off('exit', this.#killAtExit)
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    signal(child.pid)
    await exited
  }
}

/** A running gateway on a fresh data folder. */
export const startGateway = async (env: Record<string, string> = {}): Promise<Gateway> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'maxapi-e2e-'))
  const gateway = new Gateway(folder, { MAXAPI_ALLOW_PRIVATE_NETWORK: 'true', ...env })
  await gateway.start()
  return gateway
}

export const protocols = ['binary', 'json', 'tcp'] as const
export type Protocol = (typeof protocols)[number]

/** Variables that make a sandbox the gateway's MAX. */
export const maxEnv = (sandbox: RunningSandbox, protocol: Protocol): Record<string, string> => ({
  MAX_ENDPOINT: { binary: sandbox.url, json: sandbox.jsonUrl, tcp: sandbox.tlsUrl }[protocol],
  MAX_PROTOCOL: protocol,
  NODE_EXTRA_CA_CERTS: sandbox.caFile,
})

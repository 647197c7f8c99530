import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const root = path.dirname(import.meta.dirname)
const ADMIN_TOKEN = 'admin-token-of-the-bench'
const AT_A_TIME = 16
const ONLINE_TIMEOUT_MS = 120_000

export interface Tenant {
  token: string
  /** Its account at the sandbox. */
  userId: number
  /** Dialog with an account that nobody is logged in to. */
  chatId: number
}

export interface Rig {
  url: string
  dataFolder: string
  gatewayPid: number
  sandboxPid: number
  /** What the gateway logged as errors. */
  errors: string[]
  /** Lets the friend of many tenants write to them, as one burst. */
  write(messages: { tenant: Tenant; text: string }[]): Promise<void>
  /** Creates tenants until there are so many, and waits until all are online. */
  grow(count: number): Promise<Tenant[]>
  stop(): Promise<void>
}

/** Starts a program and waits for a line that `read` understands. */
const startProgram = async <Value>(
  file: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  read: (line: string) => Value | undefined,
): Promise<{ child: ChildProcess; pid: number; value: Value; lines: Interface }> => {
  const child = spawn(process.execPath, [path.join(root, file), ...args], {
    // Neither this shell's variables nor a .env of the checkout may change what is measured.
    cwd: path.join(root, 'bench'),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const value = await new Promise<Value>((resolve, reject) => {
    lines.on('line', (line) => {
      const value = read(line)
      if (value !== undefined) resolve(value)
    })
    lines.once('close', () => reject(new Error(`${file} ended before it was ready`)))
  })
  return { child, pid: child.pid ?? 0, value, lines }
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const call = async <Answer>(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Answer> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`)
  return JSON.parse(text) as Answer
}

const sandboxUrls = () => {
  const urls: Record<string, string> = {}
  return (line: string) => {
    const url = /^(web socket|control) +(\S+)/.exec(line)
    if (url?.[1] && url[2]) urls[url[1]] = url[2]
    const { 'web socket': endpoint, control } = urls
    return endpoint && control ? { endpoint, control } : undefined
  }
}

const listeningUrl = (line: string): string | undefined => {
  const entry = JSON.parse(line) as { message: string; url?: string }
  return entry.message === 'listening' ? entry.url : undefined
}

export interface RigOptions {
  /** Folder for the data folder. */
  parent: string
  /** Receiver of all tenants' events. */
  webhook?: string
  /** Session processes of the gateway. */
  processes?: number
}

/** The gateway and a MAX server, each a process of its own, on an empty data folder. */
export const startRig = async ({
  parent,
  webhook = '',
  processes = 0,
}: RigOptions): Promise<Rig> => {
  mkdirSync(parent, { recursive: true })
  const dataFolder = mkdtempSync(path.join(parent, 'maxapi-bench-'))
  const sandbox = await startProgram('sandbox/main.ts', ['--empty'], {}, sandboxUrls())
  const gateway = await startProgram(
    'host/main.ts',
    ['--port', '0', '--logtype', 'json', '--data', dataFolder, '--admintoken', ADMIN_TOKEN],
    {
      MAX_ENDPOINT: sandbox.value.endpoint,
      MAXAPI_ALLOW_PRIVATE_NETWORK: 'true',
      MAXAPI_PROCESSES: String(processes),
    },
    listeningUrl,
  )
  const url = gateway.value
  const errors: string[] = []
  gateway.lines.on('line', (line) => {
    if (line.includes('"level":"error"')) errors.push(line)
  })
  const { origin } = new URL(sandbox.value.control)
  const control = <Answer>(name: string, body: object) =>
    call<Answer>(`${origin}/control/${name}`, 'POST', {}, body)
  const receiver = await control<{ userId: number }>('accounts', { firstName: 'Receiver' })

  const createTenant = async (): Promise<Tenant> => {
    const account = await control<{ userId: number; token: string; deviceId?: string }>(
      'accounts',
      { firstName: 'Sender', token: true },
    )
    const { userId, token: authToken, deviceId } = account
    const { chatId } = await control<{ chatId: number }>('contacts', {
      userId,
      contactId: receiver.userId,
    })
    const { token } = await call<{ token: string }>(
      `${url}/admin/users`,
      'POST',
      { authorization: ADMIN_TOKEN },
      { name: `bench ${userId}`, events: 'Message', webhook },
    )
    await call(`${url}/session/auth/token`, 'POST', { token }, { authToken, deviceId })
    return { token, userId, chatId }
  }

  const waitOnline = async ({ token }: Tenant): Promise<void> => {
    const deadline = Date.now() + ONLINE_TIMEOUT_MS
    for (;;) {
      const status = await call<{ connected: boolean; state: string }>(
        `${url}/session/status`,
        'GET',
        { token },
      )
      if (status.connected) return
      if (Date.now() > deadline) throw new Error(`a tenant stays ${status.state}`)
      await delay(200)
    }
  }

  const tenants: Tenant[] = []
  return {
    url,
    dataFolder,
    gatewayPid: gateway.pid,
    sandboxPid: sandbox.pid,
    errors,
    write: async (messages) => {
      const from = receiver.userId
      await control('incoming/bulk', {
        messages: messages.map(({ tenant, text }) => ({ to: tenant.userId, from, text })),
      })
    },
    grow: async (count) => {
      const work = async () => {
        while (tenants.length + inProgress < count) {
          inProgress += 1
          const tenant = await createTenant()
          await waitOnline(tenant)
          inProgress -= 1
          tenants.push(tenant)
        }
      }
      let inProgress = 0
      await Promise.all(Array.from({ length: AT_A_TIME }, work))
      return tenants.slice(0, count)
    },
    stop: async () => {
      await end(gateway.child)
      await end(sandbox.child)
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

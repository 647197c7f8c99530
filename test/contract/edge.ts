import { createClient } from '@libsql/client/web'
import { systemClock } from '../../connector/clock.ts'
import { Outbound } from '../../connector/outbound-fetch.ts'
import { createVault } from '../../connector/vault.ts'
import type { ErrorData, Result } from '../../schema/errors.ts'
import type { SandboxInfo, SandboxRpc } from '../../schema/sandbox-port.ts'
import type {
  CallContext,
  PeekedSession,
  Reply,
  SessionRpc,
  SessionStatus,
  TenantConfig,
} from '../../schema/session-port.ts'
import {
  changedStorage,
  defaultStorage,
  type StorageChange,
  type StorageView,
  storageView,
  type TenantStorage,
} from '../../schema/storage-settings.ts'
import { createApp } from '../../worker/app.ts'
import { type Db, openLibsql } from '../../worker/db.ts'
import { type Env, readSettings } from '../../worker/env.ts'
import type { Gateway } from '../../worker/gateway.ts'
import { libsqlTarget, migrate } from '../../worker/migrate.ts'
import { startHrana } from '../hrana.ts'
import { MemoryBucket } from '../support/memory-bucket.ts'
import { expectDescribed } from './described.ts'
import { noteSuccess } from './exercised.ts'
import { readMigrations } from './migrations.ts'

export const ADMIN_TOKEN = 'admin-token-of-the-tests'

const offline: SessionStatus = {
  connected: false,
  authenticated: false,
  loggedIn: false,
  maxUserID: 0,
  state: 'logged_out',
  wanted: 'offline',
  pendingSends: 0,
  delivery: { pending: 0, failing: false },
}

/** A session object without MAX: it knows its tenant and answers what a test says. */
export class FakeSession implements SessionRpc {
  config: TenantConfig | undefined
  status = offline
  stored: TenantStorage = defaultStorage
  calls: { name: string; input: unknown; context: CallContext }[] = []
  ensured = 0
  /** Bodies by sequence. */
  events = new Map<number, string>()
  answer: (name: string, input: unknown) => Reply = () => ({ ok: true, data: {} })
  /** Thrown by the next call of a method, as when the object goes away. */
  failures = new Map<keyof SessionRpc, Error>()
  readonly #onInvented: () => void

  /** @param onInvented told of every answer that a test made up */
  constructor(onInvented: () => void) {
    this.#onInvented = onInvented
  }

  async configure(config: TenantConfig): Promise<Result<{ webhookSecret: string }>> {
    this.#fail('configure')
    this.config = config
    return { ok: true, data: { webhookSecret: 'whsec_dGVzdA==' } }
  }

  async invoke(name: string, input: unknown, context: CallContext): Promise<Reply> {
    this.#fail('invoke')
    if (this.config?.generation !== context.generation) return refused({ code: 'UNAUTHORIZED' })
    // What crosses RPC is cloned: a value that cannot be is a fault of the edge.
    this.calls.push(structuredClone({ name, input, context }))
    this.#onInvented()
    return this.answer(name, input)
  }

  async readEvent(sequence: number): Promise<string | undefined> {
    return this.events.get(sequence)
  }

  /** A web socket needs workerd. */
  async fetch(): Promise<Response> {
    return new Response(null, { status: 501 })
  }

  async peek(): Promise<PeekedSession> {
    this.#fail('peek')
    return { ...this.status, storage: storageView(this.stored) }
  }

  async storage(): Promise<TenantStorage> {
    return this.stored
  }

  async setStorage(change: StorageChange): Promise<Result<StorageView>> {
    this.#fail('setStorage')
    this.stored = changedStorage(this.stored, change, () => undefined)
    return { ok: true, data: storageView(this.stored) }
  }

  async ensure(): Promise<void> {
    this.#fail('ensure')
    this.ensured += 1
  }

  async destroy(): Promise<void> {
    this.#fail('destroy')
    this.config = undefined
  }

  #fail(method: keyof SessionRpc): void {
    const failure = this.failures.get(method)
    this.failures.delete(method)
    if (failure !== undefined) throw failure
  }
}

export const refused = (error: Partial<ErrorData> & Pick<ErrorData, 'code'>): Result<never> => ({
  ok: false,
  error: { message: 'refused by the test', ...error },
})

export class FakeSandbox implements SandboxRpc {
  calls: unknown[][] = []
  destroyed = false

  async info(): Promise<Result<SandboxInfo>> {
    return {
      ok: true,
      data: {
        phone: '+79990000001',
        code: '123456',
        phoneWithPassword: '+79990000002',
        password: 'secret',
        unregisteredPhone: '+79990000003',
        me: { id: 1, name: 'Me' },
        contacts: [],
      },
    }
  }
  async approveQr(...args: unknown[]): Promise<Result<null>> {
    this.calls.push(['approveQr', ...args])
    return { ok: true, data: null }
  }
  async incoming(...args: unknown[]): Promise<Result<{ chatId: number; messageId: string }>> {
    this.calls.push(['incoming', ...args])
    return { ok: true, data: { chatId: 7, messageId: '115912345678901235' } }
  }
  async fault(...args: unknown[]): Promise<Result<null>> {
    this.calls.push(['fault', ...args])
    return { ok: true, data: null }
  }
  async fetch(): Promise<Response> {
    return new Response(null, { status: 404 })
  }
  async destroy(): Promise<void> {
    this.destroyed = true
  }
}

/** Objects by name, made when they are first asked for. */
class FakeObjects<Port> {
  readonly #objects = new Map<string, Port>()
  readonly #make: () => Port

  constructor(make: () => Port) {
    this.#make = make
  }

  getByName(name: string): Port {
    const object = this.#objects.get(name) ?? this.#make()
    this.#objects.set(name, object)
    return object
  }
}

export interface Call {
  token?: string
  admin?: boolean
  headers?: Record<string, string>
  /** A string goes out as it is, anything else as JSON. */
  body?: unknown
}

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
  text: string
}

export type Edge = Awaited<ReturnType<typeof startEdge>>

/** The real edge over a real database, with objects and a clock that tests hold in their hands. */
export const startEdge = async (variables: Partial<Env> = {}) => {
  const server = await startHrana()
  const invented = { count: 0 }
  const sessions = new FakeObjects(() => new FakeSession(() => (invented.count += 1)))
  const sandboxes = new FakeObjects(() => new FakeSandbox())
  const clock = { now: 1_795_409_743_000 }
  const log: unknown[][] = []
  const reads = { count: 0 }
  let broken = false
  const url = server.url
  await migrate(readMigrations(), libsqlTarget(createClient({ url })))

  const db = (): Db => {
    reads.count += 1
    return openLibsql({ url: broken ? 'http://127.0.0.1:1' : url })
  }
  const secrets = { MAXAPI_ADMIN_TOKEN: ADMIN_TOKEN, MAXAPI_MASTER_KEY: '00'.repeat(32) }
  const env = { ...secrets, ...variables, SESSION: sessions }
  const settings = readSettings({ ...env, SANDBOX: sandboxes, DB: {}, MEDIA: {} } as unknown as Env)
  const bucket = new MemoryBucket()
  const gateway: Gateway = {
    settings,
    db,
    sessions,
    sandboxes,
    max: {
      serves: (url) => url.startsWith('https://media.max.ru/'),
      fetch: async () => new Response(null, { status: 404 }),
    },
    media: bucket.r2,
    outbound: (policy) =>
      new Outbound({ policy, clock: systemClock, fetch: (url, init) => fetch(url, init) }),
    vault: createVault('00'.repeat(32)),
    log: (...line) => log.push(line),
    now: () => clock.now,
    startedAt: clock.now,
  }
  const app = createApp(gateway)
  const serve = app.fetch
  app.fetch = async (request, ...rest) => {
    const before = invented.count
    const response = await serve(request, ...rest)
    if (response.ok && invented.count === before) noteSuccess(request.method, request.url)
    return response
  }

  const request = async (method: string, path: string, call: Call = {}): Promise<Answer> => {
    const headers = new Headers(call.headers)
    if (call.token !== undefined) headers.set('token', call.token)
    if (call.admin) headers.set('authorization', ADMIN_TOKEN)
    const { body } = call
    const inventedBefore = invented.count
    const response = await app.request(path, {
      method,
      headers,
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const { status, headers: sent } = response
    // What a test lets the session say need not be true to the document.
    if (invented.count === inventedBefore) {
      expectDescribed({ method, path, status, headers: sent, text })
    }
    return {
      status,
      headers: sent,
      text,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    }
  }

  return {
    app,
    gateway,
    bucket,
    sessions,
    sandboxes,
    clock,
    log,
    /** How often the database was opened so far. */
    reads,
    request,
    /** From now on the database cannot be reached. */
    breakDatabase: () => {
      broken = true
    },
    createTenant: async (body: object = {}): Promise<{ id: string; token: string }> => {
      const answer = await request('POST', '/admin/users', { admin: true, body })
      return { id: String(answer.body.id), token: String(answer.body.token) }
    },
    close: () => server.close(),
  }
}

import { DurableObject } from 'cloudflare:workers'
import { errors, GatewayError, type Result, toErrorData } from '../schema/errors.ts'
import { type OutboundPolicy, webhookPolicy } from '../schema/outbound.ts'
import type { CourierRpc } from '../schema/received-file.ts'
import type {
  CallContext,
  PeekedSession,
  Reply,
  SessionRpc,
  TenantConfig,
} from '../schema/session-port.ts'
import type { StorageChange, StorageView, TenantStorage } from '../schema/storage-settings.ts'
import { DEFAULT_ENDPOINT } from '../schema/webhooks-port.ts'
import { Breaker } from './breaker.ts'
import { type Log, sharedTimer, systemClock } from './clock.ts'
import { archive, archivedEvents } from './deliver/archive.ts'
import { type BrokerVariables, brokerSettings } from './deliver/broker-settings.ts'
import {
  type GlobalWebhookVariables,
  globalWebhook,
  webhookFormat,
} from './deliver/global-webhook.ts'
import { queue, queueEvents } from './deliver/queue.ts'
import { rabbitmq } from './deliver/rabbitmq.ts'
import { webhook } from './deliver/webhook.ts'
import type { Destination } from './destination.ts'
import { type Endpoint, parseEndpoint, redirected } from './endpoint.ts'
import { CloseCode, EventSockets, MAX_SOCKETS, readUpgrade } from './event-sockets.ts'
import { createCodec } from './frame.ts'
import { type Home, type HomeBindings, homeOf } from './home.ts'
import { type JournalBindings, journalOf, openJournal } from './journal-object.ts'
import { type LimitVariables, sessionLimits } from './limits.ts'
import { LiveSession } from './live-session.ts'
import { consoleLog } from './log.ts'
import { migrate } from './migrations.ts'
import { type NetworkBindings, networkOf } from './network.ts'
import { type Fetch, Outbound } from './outbound-fetch.ts'
import { handshakeProfile } from './profile.ts'
import { withoutSlash } from './public-url.ts'
import { type Publisher, publisherName } from './publisher.ts'
import { runOperation } from './run-operation.ts'
import type { Dial } from './socket.ts'
import type { Sql, SqlRow } from './sql.ts'
import { Removal } from './storage/removal.ts'
import { Store } from './store.ts'
import { dialer } from './transports.ts'
import { createVault, type Vault } from './vault.ts'

/** Bindings and variables the session needs. */
export interface SessionEnv
  extends BrokerVariables,
    GlobalWebhookVariables,
    LimitVariables,
    NetworkBindings,
    HomeBindings,
    JournalBindings {
  PUBLISHER: DurableObjectNamespace<Publisher>
  /** Where the gateway is reached from outside; absent = nobody knows. */
  MAXAPI_PUBLIC_URL?: string
  /** Names of the events that are kept in the bucket; none when absent. */
  MAXAPI_ARCHIVE_EVENTS?: string
  /** Names of the events that go to the queue; none when absent. */
  MAXAPI_QUEUE_EVENTS?: string
  MAXAPI_MASTER_KEY?: string
  MAX_ENDPOINT?: string
  MAX_PROTOCOL?: string
  MAX_PROFILE?: string
  MAXAPI_ALLOW_PRIVATE_NETWORK?: string
  /** `true` while the gateway listens on a loopback address only. */
  MAXAPI_LOOPBACK?: string
  MAXAPI_LOG_LEVEL?: string
}

/** How soon deleting goes on when a step of it came to no end. */
const REMOVAL_WATCH_MS = 60_000

/** One for all sessions of this process: it keeps numbers, nothing that belongs to an object. */
const breaker = new Breaker()

/** The simulator speaks what the live web service speaks. */
const SANDBOX_ENDPOINT: Endpoint = { encoding: 'binary', url: 'wss://sandbox/websocket' }

/**
 * The durable host of one tenant's session: it only wires storage, alarm, network and secrets to
 * `LiveSession`, and turns errors into data on the way out.
 */
export class Session extends DurableObject<SessionEnv> implements SessionRpc {
  readonly #store: Store
  readonly #vault: Vault
  readonly #log: Log
  readonly #home: Home
  readonly #journal: ReturnType<typeof journalOf>
  readonly #clock = sharedTimer(systemClock)
  readonly #removal: Removal
  /** The tenant is deleted and everything of it gone, the tables too. */
  #isEmpty = false
  #live: LiveSession | undefined
  #streams: EventSockets | undefined
  #waking: Promise<LiveSession> | undefined
  /** When the alarm is set for; `undefined` while none is. */
  #alarmAt: number | undefined

  constructor(ctx: DurableObjectState, env: SessionEnv) {
    super(ctx, env)
    const sql = objectSql(ctx.storage)
    migrate(sql)
    this.#journal = journalOf(env, ctx, systemClock)
    this.#store = new Store(sql, this.#journal)
    this.#vault = createVault(masterKey(env))
    this.#log = consoleLog(env.MAXAPI_LOG_LEVEL, () => ({ tenant: this.#store.get('config')?.id }))
    this.#home = homeOf(
      env,
      // The types of a Worker's own exports are generated for one entry file; the port says the same.
      () => (ctx.exports as unknown as { Courier: CourierRpc }).Courier,
    )
    this.#removal = new Removal({
      store: this.#store,
      vault: this.#vault,
      clock: this.#clock,
      log: this.#log,
      bucket: this.#home.bucket,
      outbound: (sandbox) => this.#tenantOutbound(sandbox),
    })
    // Answered by the runtime, which need not wake the object for it.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    ctx.blockConcurrencyWhile(async () => {
      await openJournal(env)
      this.#store.recover()
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? undefined
      if (this.#removal.isPending) this.#setAlarm(Date.now())
      if (this.#store.get('config') === undefined) return
      this.#waking = this.#wake()
      await this.#waking.catch((error: unknown) => {
        this.#log('error', 'the session cannot start', { error: String(error) })
        throw error
      })
    })
  }

  async configure(
    config: TenantConfig,
    { reenable = false }: { reenable?: boolean } = {},
  ): Promise<Result<{ webhookSecret: string }>> {
    return this.#asResult(async () => {
      if (this.#removal.isPending) throw new GatewayError('UNAUTHORIZED', 'the tenant is deleted')
      // Two first calls at once must not bring up two sessions.
      this.#waking ??= this.#wake(config)
      const live = await this.#waking
      const generation = this.#store.get('config')?.generation
      await live.webhooks.prepare()
      live.configure(config, reenable)
      if (this.#store.get('config')?.generation !== generation) {
        this.#streams?.closeAll(CloseCode.UNAUTHORIZED, 'the token has changed')
      }
      return { webhookSecret: await live.webhooks.secretOf(DEFAULT_ENDPOINT) }
    })
  }

  async invoke(name: string, input: unknown, context: CallContext): Promise<Reply> {
    const config = this.#store.get('config')
    const live = this.#live
    if (config?.generation !== context.generation || live === undefined) {
      return { ok: false, error: { code: 'UNAUTHORIZED', message: 'unknown tenant or old token' } }
    }
    try {
      return await runOperation(live, name, input, context)
    } catch (error) {
      return this.#failure(error)
    }
  }

  override async fetch(request: Request): Promise<Response> {
    const { generation, ...place } = readUpgrade(request)
    if (this.#store.get('config')?.generation !== generation || this.#streams === undefined) {
      return refusal(new GatewayError('UNAUTHORIZED'))
    }
    if (this.ctx.getWebSockets().length >= MAX_SOCKETS) {
      return refusal(new GatewayError('CONFLICT', `there are ${MAX_SOCKETS} web sockets open`))
    }
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    this.#streams.open(server, place)
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    this.#streams?.message(socket, message)
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    socket.close()
  }

  async readEvent(sequence: number): Promise<string | undefined> {
    return this.#store.eventBody(sequence)
  }

  async peek(): Promise<PeekedSession> {
    const live = this.#known()
    return { ...live.status(), storage: live.storage.view() }
  }

  async storage(): Promise<TenantStorage> {
    return this.#known().storage.current
  }

  async setStorage(change: StorageChange): Promise<Result<StorageView>> {
    return this.#asResult(() => this.#known().storage.save(change, 'operator'))
  }

  async ensure(): Promise<void> {
    this.#live?.tick()
  }

  async destroy(): Promise<void> {
    await this.#live?.destroy()
    this.#live = undefined
    this.#streams?.closeAll(CloseCode.UNAUTHORIZED, 'the tenant is deleted')
    this.#streams = undefined
    this.#removal.begin()
    await this.#remove()
  }

  /** Deletes some of a deleted tenant's objects; the alarm goes on with the rest. */
  async #remove(): Promise<void> {
    if (this.#isEmpty) return
    // Set with what was just written: nobody else will ever wake this object.
    this.#armAt(Date.now() + REMOVAL_WATCH_MS)
    const at = await this.#removal.step()
    if (at !== undefined) {
      this.#armAt(at)
      return
    }
    this.#isEmpty = true
    await this.#journal?.forget()
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
  }

  /** Never throws: after six failures in a row the runtime would drop the alarm for good. */
  override async alarm(): Promise<void> {
    this.#alarmAt = undefined
    try {
      if (this.#removal.isPending) await this.#remove()
      else this.#live?.tick()
    } catch (error) {
      this.#log('error', 'the alarm failed', { error: String(error) })
      this.#setAlarm(Date.now() + 10_000)
    }
  }

  /** Brings the session up. */
  async #wake(config?: TenantConfig): Promise<LiveSession> {
    const { env } = this
    const sandbox = (config ?? this.#store.get('config'))?.sandbox === true
    const endpoint = sandbox ? SANDBOX_ENDPOINT : parseEndpoint(env.MAX_ENDPOINT, env.MAX_PROTOCOL)
    const profile = handshakeProfile(endpoint.encoding, env.MAX_PROFILE)
    const live = new LiveSession({
      store: this.#store,
      vault: this.#vault,
      clock: this.#clock,
      random: Math.random,
      // A sandbox is the tenant's own: its trouble says nothing of MAX.
      breaker: sandbox ? new Breaker() : breaker,
      log: this.#log,
      profile,
      codec: createCodec({ encoding: endpoint.encoding, side: 'client' }),
      dial: (host): Dial =>
        dialer(redirected(endpoint, sandbox ? undefined : host), profile, (url, init) =>
          sandbox ? this.#sandbox()(url, init) : networkOf(env).fetch(url, init),
        ),
      hasBroker: Boolean(env.RABBITMQ_URL),
      outbound: this.#tenantOutbound(sandbox),
      courier: this.#home.courier,
      bucket: this.#home.bucket,
      publicUrl: withoutSlash(env.MAXAPI_PUBLIC_URL ?? ''),
      webhookFormat: webhookFormat(env),
      destinations: (current) => this.#destinations(current),
      limits: sessionLimits(env),
      setAlarm: (at) => this.#setAlarm(at),
    })
    this.#live = live
    const streams = new EventSockets({
      clock: this.#clock,
      log: live.eventLog,
      sockets: () => this.ctx.getWebSockets(),
    })
    this.#streams = streams
    live.eventLog.listen(() => streams.appended())
    live.start()
    // What was stored right before the object lost its memory.
    streams.pump()
    return live
  }

  #known(): LiveSession {
    if (this.#live === undefined) throw new Error('the tenant is not set up')
    return this.#live
  }

  #sandbox(): Fetch {
    const id = this.#store.get('config')?.id
    if (id === undefined) throw new Error('the tenant is not set up')
    return this.#home.sandbox(id)
  }

  #destinations(config: TenantConfig): Destination[] {
    const { env } = this
    const result: Destination[] = []
    const global = globalWebhook(env)
    // The operator chose this address, not a tenant.
    const outbound = this.#outbound({ allowPrivate: true })
    if (global !== undefined) result.push(webhook(global, { outbound, clock: this.#clock }))
    const broker = brokerSettings(env)
    if (broker !== undefined) {
      result.push(
        rabbitmq({
          tenantId: config.id,
          queue: this.#store.get('brokerQueue') ?? '',
          events: broker.events,
          publish: (message) => env.PUBLISHER.getByName(publisherName(config.id)).publish(message),
        }),
      )
    }
    const archived = archivedEvents(env.MAXAPI_ARCHIVE_EVENTS)
    if (archived.length > 0) {
      result.push(archive({ tenantId: config.id, events: archived, store: this.#home.bucket }))
    }
    const queued = queueEvents(env.MAXAPI_QUEUE_EVENTS)
    if (queued.length > 0) {
      result.push(
        queue({
          tenantId: config.id,
          events: queued,
          send: (text) => this.#home.enqueue(text),
        }),
      )
    }
    return result
  }

  /** The way to URLs that a tenant gives. */
  #tenantOutbound(sandbox: boolean): Outbound {
    const { MAXAPI_ALLOW_PRIVATE_NETWORK, MAXAPI_LOOPBACK } = this.env
    const allowPrivate = MAXAPI_ALLOW_PRIVATE_NETWORK === 'true'
    return this.#outbound(
      webhookPolicy({ allowPrivate, loopback: MAXAPI_LOOPBACK === 'true' }, sandbox),
    )
  }

  /** The way to a URL; names that resolve to private addresses are reached only where they may be. */
  #outbound(policy: OutboundPolicy): Outbound {
    return new Outbound({ policy, clock: this.#clock, ...networkOf(this.env) })
  }

  /** Sets the alarm unless an earlier one is set: that one computes the next anyway. */
  #setAlarm(at: number | undefined): void {
    if (at === undefined) return
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > Date.now() - 5_000)
      return
    this.#armAt(at)
  }

  #armAt(at: number): void {
    this.#alarmAt = at
    this.ctx.storage.setAlarm(at).catch((error: unknown) => {
      this.#alarmAt = undefined
      this.#log('error', 'the alarm could not be set', { error: String(error) })
    })
  }

  async #asResult<T>(work: () => Promise<T>): Promise<Result<T>> {
    try {
      return { ok: true, data: await work() }
    } catch (error) {
      return this.#failure(error)
    }
  }

  #failure(error: unknown): Result<never> {
    if (!(error instanceof GatewayError)) {
      this.#log('error', 'an operation broke', { error: String((error as Error)?.stack ?? error) })
    }
    return { ok: false, error: toErrorData(error) }
  }
}

const refusal = (error: GatewayError): Response =>
  Response.json(error.data, { status: errors[error.code].status })

/** The store's SQLite port over an object's own storage. */
export const objectSql = (storage: DurableObjectStorage): Sql => ({
  all: (statement, ...values) => storage.sql.exec(statement, ...values).toArray() as SqlRow[],
  transaction: (work) => storage.transactionSync(work),
})

const masterKey = (env: SessionEnv): string => {
  if (!env.MAXAPI_MASTER_KEY) throw new Error('MAXAPI_MASTER_KEY is not set')
  return env.MAXAPI_MASTER_KEY
}

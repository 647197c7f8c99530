import { Breaker } from '../../connector/breaker.ts'
import { type Clock, systemClock } from '../../connector/clock.ts'
import type { Destination } from '../../connector/destination.ts'
import { createCodec } from '../../connector/frame.ts'
import { LiveSession } from '../../connector/live-session.ts'
import { migrate } from '../../connector/migrations.ts'
import { Outbound } from '../../connector/outbound-fetch.ts'
import { handshakeProfile } from '../../connector/profile.ts'
import { runOperation } from '../../connector/run-operation.ts'
import type { MaxSocket } from '../../connector/socket.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { Store } from '../../connector/store.ts'
import { createVault } from '../../connector/vault.ts'
import type { Account } from '../../sandbox/records.ts'
import type { Settings } from '../../sandbox/settings.ts'
import { Simulator } from '../../sandbox/simulator.ts'
import { type Result, toErrorData } from '../../schema/errors.ts'
import type { OutboundPolicy } from '../../schema/outbound.ts'
import type {
  CallContext,
  PeekedSession,
  Reply,
  SessionRpc,
  TenantConfig,
} from '../../schema/session-port.ts'
import type { StorageChange, StorageView, TenantStorage } from '../../schema/storage-settings.ts'
import { Command } from '../../schema/wire.ts'
import type { Env } from '../../worker/env.ts'
import type { Answer } from '../contract/edge.ts'
import { startEdge } from '../contract/edge.ts'
import type { EventBody } from './live.ts'
import { nodeCourier, simFetch } from './node-courier.ts'
import { nodeSql } from './node-sql.ts'

/** A session object without workerd: the same parts as `Session`, in this process. */
class NodeSession implements SessionRpc {
  readonly events: EventBody[] = []
  live: LiveSession | undefined
  /** Opcodes of what was sent to MAX, in order. */
  readonly sent: number[] = []
  readonly #sim: Simulator
  readonly #policy: OutboundPolicy
  readonly #bucket: R2Bucket
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #config: TenantConfig | undefined

  constructor(sim: Simulator, deps: { policy: OutboundPolicy; bucket: R2Bucket; clock: Clock }) {
    this.#sim = sim
    this.#policy = deps.policy
    this.#bucket = deps.bucket
    this.#clock = deps.clock
  }

  async configure(config: TenantConfig): Promise<Result<{ webhookSecret: string }>> {
    this.#config = config
    this.live ??= this.#start()
    await this.live.webhooks.prepare()
    this.live.configure(config)
    return { ok: true, data: { webhookSecret: await this.live.webhooks.secretOf('default') } }
  }

  async invoke(name: string, input: unknown, context: CallContext): Promise<Reply> {
    if (this.live === undefined || this.#config?.generation !== context.generation) {
      return { ok: false, error: { code: 'UNAUTHORIZED', message: 'unknown tenant or old token' } }
    }
    try {
      return structuredClone(await runOperation(this.live, name, structuredClone(input), context))
    } catch (error) {
      const data = toErrorData(error)
      // A test must see what broke: the caller is told nothing of our inside.
      if (data.code === 'INTERNAL_ERROR') console.error(error)
      return { ok: false, error: data }
    }
  }

  async readEvent(): Promise<string | undefined> {
    return undefined
  }

  /** A web socket needs workerd. */
  async fetch(): Promise<Response> {
    return new Response(null, { status: 501 })
  }

  async peek(): Promise<PeekedSession> {
    const live = this.#known()
    return { ...live.status(), storage: live.storage.view() }
  }

  async storage(): Promise<TenantStorage> {
    return this.#known().storage.current
  }

  async setStorage(change: StorageChange): Promise<Result<StorageView>> {
    try {
      return { ok: true, data: await this.#known().storage.save(change, 'operator') }
    } catch (error) {
      return { ok: false, error: toErrorData(error) }
    }
  }

  async ensure(): Promise<void> {
    this.live?.tick()
  }

  async destroy(): Promise<void> {
    await this.live?.destroy()
    this.live = undefined
  }

  /** The first event that fits, as soon as it is delivered. */
  async event(type: string, fits: (body: EventBody) => boolean = () => true): Promise<EventBody> {
    for (;;) {
      const found = this.events.find((body) => body.type === type && fits(body))
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  #known(): LiveSession {
    if (this.live === undefined) throw new Error('the tenant is not set up')
    return this.live
  }

  #start(): LiveSession {
    const sql = nodeSql()
    migrate(sql)
    const destination: Destination = {
      id: 'test',
      url: 'https://example.com/hook',
      wants: () => true,
      deliver: async ([{ body }]) => {
        this.events.push(JSON.parse(body) as EventBody)
        for (const wake of this.#waiting) wake()
        this.#waiting.clear()
        return { kind: 'delivered' }
      },
    }
    const vault = createVault('00'.repeat(32))
    const outbound = new Outbound({
      policy: this.#policy,
      clock: systemClock,
      fetch: (url, init) => fetch(url, init),
    })
    const live = new LiveSession({
      store: new Store(sql),
      vault,
      clock: this.#clock,
      random: Math.random,
      breaker: new Breaker(),
      log: () => {},
      profile: handshakeProfile('binary', undefined),
      codec: createCodec({ encoding: 'binary', side: 'client' }),
      dial: () => async () => dialSimulator(this.#sim, this.sent),
      outbound,
      bucket: r2Store(this.#bucket),
      courier: nodeCourier({
        vault,
        clock: systemClock,
        bucket: this.#bucket,
        fetch: (url, init) => outbound.fetch(url, init),
        fetchMax: simFetch(this.#sim.media),
      }),
      destinations: () => [destination],
      setAlarm: () => {},
    })
    live.start()
    return live
  }
}

/** A socket whose other end is the simulator in this process; notes the opcodes of its requests. */
const dialSimulator = (sim: Simulator, sent: number[]): MaxSocket => {
  const codec = createCodec({ encoding: 'binary', side: 'server' })
  let down = false
  const fall = (reason: string): void => {
    if (down) return
    down = true
    line.closed()
    queueMicrotask(() => socket.onDown(reason))
  }
  const line = sim.open({
    transport: 'websocket',
    send: (data) => queueMicrotask(() => down || socket.onData(data)),
    close: (_code, reason) => fall(reason),
  })
  const socket: MaxSocket = {
    onData: () => {},
    onDown: () => {},
    send: (data) => {
      const { cmd, opcode } = codec.decode(data)
      if (cmd === Command.REQUEST) sent.push(opcode)
      queueMicrotask(() => down || line.receive(data))
    },
    close: fall,
  }
  return socket
}

/** One tenant of a live edge that is online as an account of its own. */
export interface LiveTenant {
  id: string
  token: string
  account: Account
  session: NodeSession
  /** Calls the HTTP surface with the tenant's token. A string goes out as it is. */
  call(
    method: string,
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** The same for a call that must succeed; the answer's body. */
  ok(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<Record<string, unknown>>
}

/**
 * The whole product in one process: HTTP edge, real sessions, real frames, one simulator for all.
 * Fast enough for a test per operation.
 */
export const startLiveEdge = async (
  settings: Partial<Settings> = {},
  variables: Partial<Env> = {},
  policy: OutboundPolicy = { allowPrivate: true },
  clock: Clock = systemClock,
) => {
  const sim = new Simulator({
    clock: { now: Date.now, after: systemClock.after },
    random: Math.random,
    settings: { pushPresence: false, idleCloseMs: 0, ...settings },
  })
  const sessions = new Map<string, NodeSession>()
  const edge = await startEdge(variables)
  const sessionOf = (id: string): NodeSession => {
    const session =
      sessions.get(id) ?? new NodeSession(sim, { policy, bucket: edge.bucket.r2, clock })
    sessions.set(id, session)
    return session
  }
  edge.gateway.sessions = { getByName: sessionOf }
  edge.gateway.max = {
    serves: (url) => url.startsWith(sim.settings.mediaUrl),
    fetch: simFetch(sim.media),
  }

  /** A new tenant that is not logged in. */
  const enter = async (account: Account, body: object = {}): Promise<LiveTenant> => {
    const { id, token } = await edge.createTenant(body)
    const call: LiveTenant['call'] = (method, path, input, headers) =>
      edge.request(method, path, {
        token,
        ...(input === undefined ? {} : { body: input }),
        ...(headers === undefined ? {} : { headers }),
      })
    return {
      id,
      token,
      account,
      session: sessionOf(id),
      call,
      ok: async (method, path, input, headers) => {
        const answer = await call(method, path, input, headers)
        if (answer.status !== 200) {
          throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
        }
        return answer.body
      },
    }
  }

  /** A new tenant that is online as a new account. */
  const enterOnline = async (firstName = 'Me'): Promise<LiveTenant> => {
    const tenant = await enter(sim.direct.createAccount({ firstName }))
    const { token } = sim.direct.issueToken(tenant.account.id)
    await tenant.ok('POST', '/session/auth/token', { authToken: token })
    return tenant
  }

  /** Two tenants who know each other, and the id of their dialog. */
  const enterPair = async (): Promise<{ me: LiveTenant; friend: LiveTenant; chatId: number }> => {
    const me = await enterOnline('Me')
    const friend = await enterOnline('Friend')
    sim.direct.befriend(me.account.id, friend.account.id)
    const chatId = Number(BigInt(me.account.id) ^ BigInt(friend.account.id))
    return { me, friend, chatId }
  }

  return {
    edge,
    sim,
    enter,
    enterOnline,
    enterPair,
    close: async () => {
      for (const session of sessions.values()) await session.destroy()
      await edge.close()
    },
  }
}

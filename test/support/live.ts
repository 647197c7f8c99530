import { Breaker } from '../../connector/breaker.ts'
import type { Destination, Outcome } from '../../connector/destination.ts'
import { createCodec, type Encoding } from '../../connector/frame.ts'
import type { SessionLimits } from '../../connector/limits.ts'
import { LiveSession } from '../../connector/live-session.ts'
import { migrate } from '../../connector/migrations.ts'
import { Outbound } from '../../connector/outbound-fetch.ts'
import { handshakeProfile } from '../../connector/profile.ts'
import { runOperation } from '../../connector/run-operation.ts'
import type { MaxSocket } from '../../connector/socket.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { type LoggedEvent, Store } from '../../connector/store.ts'
import type { Vault } from '../../connector/vault.ts'
import type { Clock as SandboxClock, Settings } from '../../sandbox/settings.ts'
import { Simulator } from '../../sandbox/simulator.ts'
import { GatewayError } from '../../schema/errors.ts'
import { type OperationName, operations } from '../../schema/operations/index.ts'
import type { CourierRpc } from '../../schema/received-file.ts'
import type { CallContext, TenantConfig } from '../../schema/session-port.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { createJournalDisk } from './journal-disk.ts'
import { MemoryBucket } from './memory-bucket.ts'
import { nodeCourier, simFetch } from './node-courier.ts'
import { nodeSql } from './node-sql.ts'

/** Seals without a key: what matters here is only that nothing is stored in clear by accident. */
const readableVault: Vault = {
  seal: async (secret, purpose) => `sealed ${purpose} ${[...secret].reverse().join('')}`,
  open: async (sealed, purpose) => {
    if (!sealed.startsWith(`sealed ${purpose} `)) throw new Error('not sealed for this')
    return [...sealed.slice(`sealed ${purpose} `.length)].reverse().join('')
  },
  sign: async (text, purpose) => `signed ${purpose} ${text}`,
  verify: async (text, signature, purpose) => signature === `signed ${purpose} ${text}`,
}

export const tenant: TenantConfig = {
  id: 'tenant-1',
  name: 'Test',
  generation: 1,
  updatedAt: 1,
  sandbox: false,
  // Events go to the destination of the test alone.
  webhook: '',
  events: ['All'],
}

/** Everything a session needs, in memory: real frames to the simulator, real SQL, a still clock. */
export const createLive = (
  options: {
    encoding?: Encoding
    settings?: Partial<Settings>
    limits?: Partial<SessionLimits>
    /** Around the real courier. */
    courier?: (real: CourierRpc) => CourierRpc
    /** Whether its process has a journal, as a self-hosted gateway does. */
    hasJournal?: boolean
  } = {},
) => {
  const { encoding = 'binary', hasJournal = false } = options
  const clock = new FakeClock()
  const breaker = new Breaker()
  const bucket = new MemoryBucket()
  const sql = nodeSql()
  migrate(sql)
  const sim = new Simulator({
    clock: clock satisfies SandboxClock,
    random: Math.random,
    settings: { pushPresence: false, idleCloseMs: 0, ...options.settings },
  })
  const world = {
    dials: 0,
    refuseDials: false,
    redirects: [] as (string | undefined)[],
    alarmAt: undefined as number | undefined,
    delivered: [] as LoggedEvent[],
    deliver: (_event: LoggedEvent): Outcome | Promise<Outcome> => ({ kind: 'delivered' }),
  }

  const dial = async (life: Life): Promise<MaxSocket> => {
    world.dials += 1
    if (world.refuseDials) throw new Error('connection refused')
    let down = false
    const fall = (reason: string) => {
      if (down) return
      down = true
      line.closed()
      queueMicrotask(() => life.isOver || socket.onDown(reason))
    }
    const line = sim.open({
      transport: encoding === 'tcp' ? 'tcp' : 'websocket',
      send: (data) => queueMicrotask(() => down || life.isOver || socket.onData(data)),
      close: (_code, reason) => fall(reason),
    })
    const socket: MaxSocket = {
      onData: () => {},
      onDown: () => {},
      send: (data) => queueMicrotask(() => down || life.isOver || line.receive(data)),
      close: fall,
    }
    life.sockets.push(socket)
    return socket
  }

  const destination: Destination = {
    id: 'default',
    url: 'https://example.com/hook',
    wants: () => true,
    deliver: async ([event]) => {
      const outcome = await world.deliver(event)
      if (outcome.kind === 'delivered') world.delivered.push(event)
      return outcome
    },
  }

  const outbound = new Outbound({
    policy: { allowPrivate: true },
    clock,
    fetch: (url, init) => fetch(url, init),
  })
  const real = nodeCourier({
    vault: readableVault,
    clock,
    bucket: bucket.r2,
    fetch: (url, init) => outbound.fetch(url, init),
    fetchMax: simFetch(sim.media),
  })
  const courier = options.courier?.(real) ?? real

  const disk = createJournalDisk(clock)
  let process = disk.start()
  let life: Life = { isOver: false, sockets: [] }

  /** What a SIGKILL leaves: no timer, no socket, no further write. */
  const crash = (): void => {
    life.isOver = true
    process.kill()
    for (const socket of life.sockets) socket.close('killed')
    world.alarmAt = undefined
  }

  /** A session over the same storage: the first one, or what comes after a crash. */
  const boot = (): LiveSession => {
    crash()
    const own: Life = { isOver: false, sockets: [] }
    life = own
    process = disk.start()
    const store = new Store(
      {
        // What was under way in the turn of the kill comes to nothing.
        all: (statement, ...values) => (own.isOver ? [] : sql.all(statement, ...values)),
        transaction: (work) => sql.transaction(work),
      },
      hasJournal ? process.session('the session') : undefined,
    )
    store.recover()
    const live = new LiveSession({
      store,
      vault: readableVault,
      clock: {
        now: () => clock.now(),
        after: (delayMs, task) => clock.after(delayMs, () => own.isOver || task()),
      },
      random: () => 0.5,
      breaker,
      log: () => {},
      profile: handshakeProfile(encoding, undefined),
      codec: createCodec({ encoding, side: 'client' }),
      dial: (host) => {
        world.redirects.push(host)
        return () => dial(own)
      },
      outbound: new Outbound({
        policy: { allowPrivate: false },
        clock,
        fetch: async () => new Response(),
      }),
      bucket: r2Store(bucket.r2),
      courier,
      destinations: () => [destination],
      limits: options.limits ?? {},
      setAlarm: (at) => {
        if (!own.isOver) world.alarmAt = at
      },
    })
    live.start()
    return live
  }

  /** Lets time pass and rings the alarm whenever it was asked for. */
  const pass = async (live: LiveSession, ms: number): Promise<void> => {
    const end = clock.now() + ms
    while (clock.now() < end) {
      const next = Math.min(world.alarmAt ?? end, end)
      await clock.advance(Math.max(1, next - clock.now()))
      if (world.alarmAt !== undefined && world.alarmAt <= clock.now()) live.tick()
      await settle()
    }
  }

  /** A session that is online as a new account with one friend. */
  const online = async () => {
    const me = sim.direct.createAccount({ firstName: 'Me' })
    const friend = sim.direct.createAccount({ firstName: 'Friend' })
    sim.direct.befriend(me.id, friend.id)
    const live = boot()
    live.configure(tenant)
    await live.adoptToken(sim.direct.issueToken(me.id).token)
    return { live, me, friend, chatId: Number(BigInt(me.id) ^ BigInt(friend.id)) }
  }

  const bodies = () => world.delivered.map((event) => JSON.parse(event.body) as EventBody)
  return { world, clock, sim, sql, bucket, boot, crash, pass, online, bodies }
}

/** Runs an operation as the edge would have it run: its answer, or its error thrown. */
export const invoke = async (
  live: LiveSession,
  name: OperationName,
  input: object,
  facts: Partial<CallContext> = {},
): Promise<{ data: Record<string, unknown>; replayed: boolean; accepted?: string }> => {
  const context = { tenantId: tenant.id, generation: tenant.generation, ...facts }
  const reply = await runOperation(live, name, operations[name].input.parse(input), context)
  const { replayed = false, accepted } = reply
  if (!reply.ok) throw new GatewayError(reply.error.code, reply.error.message)
  const data = reply.data as Record<string, unknown>
  return { data, replayed, ...(accepted === undefined ? {} : { accepted }) }
}

/** How a promise ends: `ok`, or the code of its error. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  )

/** One run of the session between a start and a crash. */
interface Life {
  isOver: boolean
  sockets: MaxSocket[]
}

export interface EventBody {
  id: string
  type: string
  sequence: number
  event?: { chatId?: number; message?: { id: string; text: string } }
  [field: string]: unknown
}

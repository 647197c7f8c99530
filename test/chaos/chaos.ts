import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startSandbox } from '../../sandbox/node/server.ts'
import { type Gateway, maxEnv, startGateway, type Tenant } from '../support/gateway.ts'
import { adopt, createPerson, type Person, write } from '../support/people.ts'
import { type Rabbit, startRabbit } from '../support/rabbit.ts'
import { type Arrival, seeded, UnreliableReceiver } from './receiver.ts'

export interface ChaosOptions {
  seed: number
  /** Session processes of the gateway. */
  processes: number
  tenants: number
  /** Messages in all. */
  events: number
  kills: number
  /** Without a broker the other destinations are tried. */
  withBroker: boolean
  /** Node of a broker that may really be stopped; otherwise the lines to it are cut. */
  brokerNode?: string | undefined
  /** How long everything may take to arrive after the last trouble. */
  patienceMs: number
  log: (line: string) => void
}

export interface ChaosReport {
  /** What must not be; empty = all is well. */
  violations: string[]
  /** Arrivals by destination, repeated ones too. */
  arrivals: Record<string, number>
  repeated: number
  seconds: number
}

interface Player {
  tenant: Tenant
  person: Person
  place: string
  /** Texts that were written, by chat, in order. */
  written: Map<number, string[]>
}

const FRIENDS = 3
const GLOBAL = 'global'
const BROKER = 'rabbitmq'
const AT_A_TIME = 8
/** Short waits, so that trouble is over soon; the rules are those of any schedule. */
const PATIENT = Array<number>(20).fill(1_000)

/**
 * Real processes, real trouble: receivers that fail in every way, a broker that goes, a gateway that
 * is killed. Afterwards every message must be at every destination, in order per chat, at the right
 * tenant's, and what came twice must say so.
 */
export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const { seed, log } = options
  const began = performance.now()
  const random = seeded(seed)
  const undo: (() => Promise<unknown>)[] = []
  try {
    const sandbox = await startSandbox()
    undo.push(() => sandbox.close())
    const own = new UnreliableReceiver(random)
    const shared = new UnreliableReceiver(random, 0.3)
    for (const receiver of [own, shared]) {
      await receiver.open()
      undo.push(() => receiver.close())
    }
    const rabbit = options.withBroker ? await startRabbit() : undefined
    if (rabbit) undo.push(() => rabbit.close())
    const queue = rabbit?.queue()
    const gateway = await startGateway({
      ...maxEnv(sandbox, 'binary'),
      MAXAPI_PROCESSES: String(options.processes),
      MAXAPI_GLOBAL_WEBHOOK: shared.urlOf(GLOBAL),
      MAXAPI_GLOBAL_WEBHOOK_OPTIONS: JSON.stringify({ timeoutMs: 3_000, scheduleMs: PATIENT }),
      ...(rabbit && queue
        ? { RABBITMQ_URL: rabbit.url, RABBITMQ_QUEUE: queue, RABBITMQ_EVENTS: 'Message' }
        : {}),
    })
    undo.push(() => gateway.remove())
    const fromBroker: Arrival[] = []
    const consumer = rabbit?.own.createConsumer(
      { queue: String(queue), queueOptions: { durable: true }, qos: { prefetchCount: 500 } },
      async ({ messageId = '', body }) => {
        fromBroker.push({ place: BROKER, id: messageId, raw: JSON.stringify(body) })
      },
    )
    consumer?.on('error', () => {})
    if (consumer) undo.push(() => consumer.close())

    const players = await enter(gateway, sandbox, own, options.tenants)
    log(`${players.length} tenants online`)
    await play({ options, random, players, sandbox, gateway, own, rabbit, log })

    const arrivals = () => [...own.arrivals, ...shared.arrivals, ...fromBroker]
    const places = (player: Player) => [player.place, GLOBAL, ...(rabbit ? [BROKER] : [])]
    const deadline = performance.now() + options.patienceMs
    let violations = check(players, places, arrivals())
    while (violations.length > 0 && performance.now() < deadline) {
      await delay(500)
      violations = check(players, places, arrivals())
    }
    const all = arrivals()
    const counts: Record<string, number> = {}
    for (const { place } of all) {
      const name = place === GLOBAL || place === BROKER ? place : 'webhooks'
      counts[name] = (counts[name] ?? 0) + 1
    }
    const different = new Set(all.map(({ place, id }) => `${place} ${id}`)).size
    return {
      violations: [...violations, ...gateway.errors.map((line) => `logged: ${line}`)],
      arrivals: counts,
      repeated: all.length - different,
      seconds: (performance.now() - began) / 1000,
    }
  } finally {
    for (const step of undo.reverse()) await step().catch(() => {})
  }
}

const enter = async (
  gateway: Gateway,
  sandbox: Awaited<ReturnType<typeof startSandbox>>,
  receiver: UnreliableReceiver,
  count: number,
): Promise<Player[]> => {
  const players: Player[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const tenant = await gateway.createTenant()
      const place = `tenant-${n}`
      const client = tenant.client()
      await client.setWebhook({ webhook: receiver.urlOf(place), events: ['Message'] })
      await client.updateWebhookEndpoint({
        id: 'default',
        timeoutMs: 3_000,
        scheduleMs: PATIENT,
      })
      const person = createPerson(sandbox, { friends: FRIENDS })
      await adopt(sandbox, tenant, person)
      players.push({ tenant, person, place, written: new Map() })
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, lane))
  return players
}

const rabbitmqctl = async (node: string, command: string): Promise<void> => {
  await promisify(execFile)('rabbitmqctl', ['-q', '-n', node, command])
}

interface Stage {
  options: ChaosOptions
  random: () => number
  players: Player[]
  sandbox: Awaited<ReturnType<typeof startSandbox>>
  gateway: Gateway
  own: UnreliableReceiver
  rabbit: Rabbit | undefined
  log: (line: string) => void
}

/** Writes all messages, with trouble in between. */
const play = async (stage: Stage): Promise<void> => {
  const { options, random, players, sandbox, gateway, own, rabbit, log } = stage
  const { brokerNode } = options
  const below = (limit: number): number => Math.floor(random() * limit)
  /** At which message what happens. */
  const troubles = new Map<number, () => Promise<void>>()
  const kill = async (): Promise<void> => {
    log('kill -9')
    await gateway.kill()
    await writeSome(5)
    await gateway.start()
  }
  const receiversGone = async (): Promise<void> => {
    log('receivers down')
    await own.close()
    await writeSome(5)
    await delay(2_000)
    await own.open()
  }
  const brokerGone = async (): Promise<void> => {
    log('broker down')
    await (brokerNode ? rabbitmqctl(brokerNode, 'stop_app') : rabbit?.cut())
    await writeSome(5)
    await delay(2_000)
    await (brokerNode ? rabbitmqctl(brokerNode, 'start_app') : rabbit?.mend())
  }
  let written = 0
  const writeOne = (): void => {
    const player = players[below(players.length)] as Player
    const friend = below(FRIENDS)
    const chatId = player.person.chatIds[friend] ?? 0
    const texts = player.written.get(chatId) ?? []
    const text = `${player.place} ${chatId} ${texts.length}`
    write(sandbox, player.person, text, friend)
    texts.push(text)
    player.written.set(chatId, texts)
    written += 1
  }
  const writeSome = async (percent: number): Promise<void> => {
    const until = Math.min(options.events, written + Math.ceil((options.events * percent) / 100))
    while (written < until) writeOne()
  }
  for (let n = 1; n <= options.kills; n += 1) {
    troubles.set(Math.floor((options.events * n) / (options.kills + 1)), kill)
  }
  for (const share of [0.1, 0.6])
    troubles.set(Math.floor(options.events * share) + 1, receiversGone)
  for (const share of [0.3, 0.8]) troubles.set(Math.floor(options.events * share) + 2, brokerGone)
  const due = [...troubles].sort(([one], [other]) => one - other)
  while (written < options.events) {
    // Bursts and pauses, as people write.
    const burst = 1 + below(Math.max(2, options.events / 100))
    for (let n = 0; n < burst && written < options.events; n += 1) writeOne()
    await delay(20 + below(100))
    while (due[0] !== undefined && written >= due[0][0]) await due.shift()?.[1]()
  }
}

/** Everything that is missing, out of order, at the wrong place or changed on the way. */
const check = (
  players: Player[],
  places: (player: Player) => string[],
  arrivals: Arrival[],
): string[] => {
  const violations: string[] = []
  const byPlace = new Map<string, Map<string, Arrival>>()
  for (const arrival of arrivals) {
    const seen = byPlace.get(arrival.place) ?? new Map<string, Arrival>()
    byPlace.set(arrival.place, seen)
    const first = seen.get(arrival.id)
    if (first === undefined) seen.set(arrival.id, arrival)
    else if (first.raw !== arrival.raw) violations.push(`${arrival.id} came with two bodies`)
  }
  for (const player of players) {
    for (const place of places(player)) {
      const texts = new Map<number, string[]>()
      for (const { id, raw } of byPlace.get(place)?.values() ?? []) {
        const body = JSON.parse(raw) as {
          type: string
          instanceID: string
          event?: { chatId: number; message: { text: string } }
        }
        if (body.type !== 'Message' || body.event === undefined) continue
        if (body.instanceID !== player.tenant.id) {
          if (place === player.place) violations.push(`${place} got ${id} of another tenant`)
          continue
        }
        const { chatId, message } = body.event
        texts.set(chatId, [...(texts.get(chatId) ?? []), message.text])
      }
      for (const [chatId, written] of player.written) {
        const got = texts.get(chatId) ?? []
        if (got.join('\n') === written.join('\n')) continue
        const missing = written.filter((text) => !got.includes(text)).length
        violations.push(
          missing > 0
            ? `${place}: ${missing} of ${written.length} messages of ${player.place} are missing`
            : `${place}: chat ${chatId} of ${player.place} is out of order or doubled`,
        )
      }
    }
  }
  return violations
}

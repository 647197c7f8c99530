import { Buffer } from 'node:buffer'
import { Connection, type Publisher } from 'rabbitmq-client'
import type { Clock, Log } from '../clock.ts'
import type { Outcome } from '../destination.ts'
import type { BrokerSettings } from './broker-settings.ts'

/** How long the broker has to confirm. A confirmation that comes later means a repeated message. */
const CONFIRM_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 8_000
/** The client tries to reconnect for ever, this far apart at most. */
const RECONNECT_HIGH_MS = 15_000
const HEARTBEAT_S = 20

/** An event on its way to the broker. */
export interface BrokerMessage {
  id: string
  type: string
  /** Unix ms. */
  createdAt: number
  tenantId: string
  /** The stored bytes of the event, unchanged. */
  body: string
  /** A tenant's own queue instead of the deployment's queue or exchange; `''` for none. */
  queue: string
}

export interface BrokerDeps {
  settings: BrokerSettings
  clock: Clock
  log: Log
}

/**
 * One connection to RabbitMQ for many tenants. A message counts when the broker has confirmed it:
 * persistent, in a durable queue. Whoever publishes keeps its place until then and tries again, so
 * nothing is dropped while the broker is down. Rules BR1–BR5 in SPEC.md.
 */
export class Broker {
  readonly #deps: BrokerDeps
  readonly #returned = new Set<string>()
  #line: { connection: Connection; publisher: Publisher } | undefined
  /** Queues of tenants that were made; one that somebody deletes shows when it takes nothing. */
  readonly #declared = new Map<string, Promise<unknown>>()

  constructor(deps: BrokerDeps) {
    this.#deps = deps
  }

  /** Publishes and waits for the broker's word. Never throws. */
  async publish(message: BrokerMessage): Promise<Outcome> {
    const { clock } = this.#deps
    let stop = (): void => {}
    const timeout = new Promise<Outcome>((resolve) => {
      stop = clock.after(CONFIRM_TIMEOUT_MS, () =>
        resolve({ kind: 'failed', error: 'the broker did not confirm in time' }),
      )
    })
    try {
      return await Promise.race([this.#send(message), timeout])
    } catch (error) {
      return { kind: 'failed', error: describe(error) }
    } finally {
      stop()
    }
  }

  async close(): Promise<void> {
    const line = this.#line
    this.#line = undefined
    // What waits for the broker is tried again by its owner; waiting here could take for ever.
    line?.connection.unsafeDestroy()
  }

  async #send(message: BrokerMessage): Promise<Outcome> {
    const { settings } = this.#deps
    this.#line ??= this.#open()
    const { connection, publisher } = this.#line
    const own = message.queue !== ''
    if (own) await this.#declare(connection, message.queue)
    const place = own
      ? { exchange: '', routingKey: message.queue }
      : settings.exchange === ''
        ? { exchange: '', routingKey: settings.queue }
        : { exchange: settings.exchange, routingKey: message.type }
    this.#returned.delete(message.id)
    await publisher.send(
      {
        ...place,
        durable: true,
        // A message that no queue takes comes back: it would be confirmed and gone otherwise.
        mandatory: place.exchange === '',
        contentType: 'application/json',
        messageId: message.id,
        timestamp: Math.floor(message.createdAt / 1000),
        type: message.type,
        appId: 'maxapi',
        headers: { 'x-instance-id': message.tenantId, 'x-event-type': message.type },
      },
      Buffer.from(message.body),
    )
    // The client tells of a returned message one turn after it tells of the confirmation.
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (!this.#returned.delete(message.id)) return { kind: 'delivered' }
    this.#declared.delete(message.queue)
    return { kind: 'failed', error: 'no queue took the message' }
  }

  #open(): { connection: Connection; publisher: Publisher } {
    const { settings, log } = this.#deps
    const { url, queue, exchange, bindings } = settings
    const connection = new Connection({
      url,
      connectionName: 'maxapi',
      acquireTimeout: CONNECT_TIMEOUT_MS,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      retryHigh: RECONNECT_HIGH_MS,
      heartbeat: HEARTBEAT_S,
      noDelay: true,
    })
    connection.on('connection', () => log('info', 'connected to the broker'))
    connection.on('error', (error) => log('warn', 'the broker failed', { error: describe(error) }))
    const publisher = connection.createPublisher({
      confirm: true,
      queues: [{ queue, durable: true }],
      ...(exchange === ''
        ? {}
        : {
            exchanges: [{ exchange, type: 'topic', durable: true }],
            queueBindings: bindings.map((routingKey) => ({ exchange, queue, routingKey })),
          }),
    })
    publisher.on('basic.return', ({ messageId }) => {
      if (messageId !== undefined) this.#returned.add(messageId)
    })
    return { connection, publisher }
  }

  #declare(connection: Connection, queue: string): Promise<unknown> {
    const known = this.#declared.get(queue)
    if (known !== undefined) return known
    const made = connection.queueDeclare({ queue, durable: true })
    this.#declared.set(queue, made)
    made.catch(() => this.#declared.delete(queue))
    return made
  }
}

/** The client's words without anything that could hold credentials. */
const describe = (error: unknown): string => {
  const { name, code } = error as { name?: string; code?: unknown }
  return `broker: ${typeof code === 'string' ? code : (name ?? 'unreachable')}`
}

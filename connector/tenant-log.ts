import type { BrokerView, SessionStatus, TenantConfig } from '../schema/session-port.ts'
import type { WebhookFormat } from '../schema/webhooks-port.ts'
import type { Clock, Log, Random } from './clock.ts'
import { Delivery } from './delivery.ts'
import { DeliveryStore } from './delivery-store.ts'
import type { Destination } from './destination.ts'
import { EventLog, type EventLogDeps } from './event-log.ts'
import type { KnownMessages } from './known-messages.ts'
import type { SessionLimits } from './limits.ts'
import { LogReader } from './log-reader.ts'
import { LogSize } from './log-size.ts'
import type { Outbound } from './outbound-fetch.ts'
import { ReaderStore } from './reader-store.ts'
import { Retention } from './retention.ts'
import type { Store } from './store.ts'
import type { Vault } from './vault.ts'
import { WebhookStore } from './webhook-store.ts'
import { Webhooks } from './webhooks.ts'

export interface TenantLogDeps extends Pick<EventLogDeps, 'onMessage'> {
  store: Store
  clock: Clock
  random: Random
  log: Log
  known: KnownMessages
  vault: Vault
  /** The way to URLs that the tenant gives. */
  outbound: Outbound
  /** Format of webhooks that do not say. Default `json`. */
  webhookFormat?: WebhookFormat
  /** Destinations of the operator, beside the tenant's own webhooks. */
  destinations(config: TenantConfig): Destination[]
  /** Whether the deployment publishes to RabbitMQ. */
  hasBroker?: boolean
  limits: Pick<SessionLimits, 'retention'>
  /** Changes settings that the tenant's record has. */
  setConfig(change: { webhook?: string; events?: string[] }): void
  /** What `nextAt` says changed. */
  onWait(): void
}

/** How long events may be in the journal alone; by chance shorter, or all tenants would settle at once. */
const SETTLE_MS = 1_500

/** A tenant's event log with everything that reads it: destinations, readers and retention. */
export class TenantLog {
  readonly events: EventLog
  readonly webhooks: Webhooks
  readonly reader: LogReader
  readonly #deps: TenantLogDeps
  readonly #delivery: Delivery
  readonly #retention: Retention
  #cancelSettle: () => void = () => {}

  constructor(deps: TenantLogDeps) {
    this.#deps = deps
    const { store, clock, random, known, limits } = deps
    const deliveries = new DeliveryStore(store.sql)
    this.#delivery = new Delivery({
      ...deps,
      store: deliveries,
      events: store,
      onDisabled: ({ id }, reason) => {
        this.refreshDestinations()
        this.events.own('WebhookDisabled', { webhookId: id, reason })
      },
    })
    this.webhooks = new Webhooks({
      ...deps,
      store: new WebhookStore(store.sql),
      delivery: this.#delivery,
      log: deliveries,
      format: deps.webhookFormat ?? 'json',
      config: () => store.get('config'),
      onChanged: () => this.refreshDestinations(),
    })
    this.events = new EventLog({
      ...deps,
      onAppended: (event) => {
        this.#delivery.appended(event)
        this.#retention.appended(event)
        this.reader.appended(event)
      },
      onUnsettled: () => this.#settleLater(),
    })
    this.reader = new LogReader({ store: new ReaderStore(store.sql), log: store, clock })
    this.#retention = new Retention({
      store,
      size: new LogSize(store.sql, store.lastSequence),
      known,
      clock,
      random,
      limits: limits.retention,
      holders: () => [...this.#delivery.holders(), ...this.reader.holders()],
      onNews: (news) => this.events.own('RetentionWarning', { ...news }),
    })
  }

  /** Takes the destinations as the settings have them now. */
  refreshDestinations(): void {
    const { store, destinations, onWait } = this.#deps
    const config = store.get('config')
    const all = config ? [...this.webhooks.destinations(), ...destinations(config)] : []
    this.#delivery.setDestinations(all)
    onWait()
  }

  broker(): BrokerView {
    const { store, hasBroker = false } = this.#deps
    return { queue: store.get('brokerQueue') ?? '', configured: hasBroker }
  }

  setBrokerQueue(name: string): BrokerView {
    this.#deps.store.set('brokerQueue', name)
    this.refreshDestinations()
    return this.broker()
  }

  /** Gives a destination that was disabled another chance. */
  enable(id: string): void {
    this.#delivery.enable(id)
  }

  /** Does what time made due. */
  tick(): void {
    this.#delivery.kick()
    this.#retention.tick()
  }

  /** Forgets attempts that are too old to be told of. */
  prune(now: number): void {
    this.#delivery.prune(now)
  }

  /** When a delivery becomes due, Unix ms. */
  nextAt(): number | undefined {
    return this.#delivery.nextAt()
  }

  status(): SessionStatus['delivery'] {
    const { warning } = this.#retention
    const summary = this.#delivery.summary()
    if (warning === undefined) return summary
    const { reason, warnedAt, deadline } = warning
    const told = { reason, warnedAt: iso(warnedAt), deadline: iso(deadline) }
    return { ...summary, retention: told }
  }

  /** Brings events out of the journal into the log, and what deliveries came to along with them. */
  #settleLater(): void {
    const { store, clock, random } = this.#deps
    this.#cancelSettle()
    this.#cancelSettle = clock.after(SETTLE_MS * (0.5 + random() / 2), () => {
      this.#delivery.flush()
      store.settle()
    })
  }

  stop(): void {
    this.#cancelSettle()
    this.#delivery.stop()
    this.reader.stop()
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()

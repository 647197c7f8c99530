import { isChatWanted } from '../schema/chat-filter.ts'
import { GatewayError } from '../schema/errors.ts'
import { ALL_EVENTS, wantsEvent } from '../schema/events.ts'
import type { Page, PageRequest } from '../schema/sends-port.ts'
import type { TenantConfig } from '../schema/session-port.ts'
import {
  DEFAULT_ENDPOINT,
  type DeliveryView,
  MAX_ENDPOINTS,
  type ReplayRequest,
  type TestResult,
  type WebhookChange,
  type WebhookFormat,
  type WebhookSettings,
  type WebhooksPort,
  type WebhookView,
} from '../schema/webhooks-port.ts'
import type { Clock } from './clock.ts'
import { newSigningSecret } from './deliver/signature.ts'
import { type WebhookSecrets, webhook } from './deliver/webhook.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { Destination, EventFacts } from './destination.ts'
import type { Outbound } from './outbound-fetch.ts'
import { RETRY_SCHEDULE_MS } from './retry-schedule.ts'
import { Turns } from './turns.ts'
import type { Vault } from './vault.ts'
import type { WebhookRow, WebhookStore } from './webhook-store.ts'
import { attemptId, attemptOf, deliveryView, testEvent, webhookView } from './webhook-view.ts'

const SECRET_PURPOSE = 'webhook-secret'
const HEADERS_PURPOSE = 'webhook-headers'
const FAILED = ['failed', 'parked', 'gone'] as const

export interface WebhooksDeps {
  store: WebhookStore
  delivery: Delivery
  /** The log of attempts. */
  log: DeliveryStore
  vault: Vault
  clock: Clock
  outbound: Outbound
  /** Of endpoints that do not say. */
  format: WebhookFormat
  /** The tenant's own settings, where URL and events of the first endpoint are. */
  config(): TenantConfig | undefined
  setConfig(change: { webhook?: string; events?: string[] }): void
  /** The set of destinations, or what one of them is told, changed. */
  onChanged(): void
}

/**
 * The endpoints that a tenant's events go to: their settings and secrets, and what their owner can do
 * with them. They are in the tenant's object, beside the log they read. Rules WE in SPEC.md.
 */
export class Webhooks implements WebhooksPort {
  readonly #deps: WebhooksDeps
  /** Changes open and seal secrets in between: two of them must not overwrite each other. */
  readonly #turns = new Turns()

  constructor(deps: WebhooksDeps) {
    this.#deps = deps
  }

  /** Sees to it that the first endpoint has a secret, whether or not it has a URL yet. */
  async prepare(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#deps.store.find(DEFAULT_ENDPOINT) !== undefined) return
      this.#deps.store.save(await this.#newRow(DEFAULT_ENDPOINT))
    })
  }

  /** Where events go now. */
  destinations(): Destination[] {
    return this.#rows().flatMap((row) =>
      this.#settings(row).enabled ? this.#destination(row) : [],
    )
  }

  list(): WebhookView[] {
    return this.#rows().map((row) => this.#view(row))
  }

  get(id: string): WebhookView {
    return this.#view(this.#row(id))
  }

  async secretOf(id: string): Promise<string> {
    const row = id === DEFAULT_ENDPOINT ? this.#deps.store.find(id) : this.#row(id)
    if (row === undefined) throw unknown()
    return this.#deps.vault.open(row.secret, SECRET_PURPOSE)
  }

  create({ secret, ...change }: WebhookChange & { url: string; secret?: string | undefined }) {
    return this.#inTurn(async () => {
      if (this.#rows().length >= MAX_ENDPOINTS) {
        throw new GatewayError('CONFLICT', `There are ${MAX_ENDPOINTS} webhooks already`)
      }
      const id = `wh_${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`
      return this.#save(await this.#changed(await this.#newRow(id, secret), change))
    })
  }

  update(id: string, change: WebhookChange): Promise<WebhookView> {
    return this.#inTurn(async () => {
      const row = await this.#changed(this.#row(id), change)
      if (change.url !== undefined || change.enabled) this.#deps.delivery.enable(id)
      return this.#save(row, change)
    })
  }

  remove(id: string): void {
    const { store, setConfig, onChanged } = this.#deps
    const row = this.#row(id)
    if (id !== DEFAULT_ENDPOINT) {
      store.delete(id)
      return onChanged()
    }
    // Its secret stays: whoever sets a URL again has a receiver that knows it.
    store.save({ ...row, settings: {}, headers: null, headerNames: [] })
    setConfig({ webhook: '' })
  }

  rotate(id: string, { secret, keepOldMs }: { secret?: string | undefined; keepOldMs: number }) {
    return this.#inTurn(async () => {
      const { vault, clock } = this.#deps
      const row = this.#row(id)
      const next = secret ?? newSigningSecret()
      const oldSecretUntil = clock.now() + keepOldMs
      const sealed = await vault.seal(next, SECRET_PURPOSE)
      this.#save({ ...row, secret: sealed, oldSecret: row.secret, oldSecretUntil })
      return { secret: next, oldSecretUntil: new Date(oldSecretUntil).toISOString() }
    })
  }

  pause(id: string): WebhookView {
    return this.#patch(id, { paused: true })
  }

  resume(id: string): WebhookView {
    this.#row(id)
    this.#deps.delivery.enable(id)
    return this.#patch(id, { paused: false })
  }

  deliveries(
    id: string,
    { status, cursor, limit }: PageRequest & { status: 'all' | 'failed' | 'parked' },
  ): Page<DeliveryView> {
    const { delivery, log } = this.#deps
    this.#row(id)
    delivery.flush()
    const before = cursor === undefined ? undefined : attemptOf(cursor)
    if (cursor !== undefined && before === undefined) {
      throw new GatewayError('INVALID_INPUT', 'cursor: unknown', { field: 'cursor' })
    }
    const rows = log.attempts(id, {
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
      ...(status === 'all' ? {} : { outcomes: status === 'failed' ? FAILED : ['parked'] }),
    })
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    const isLast = rows.length <= limit || last === undefined
    return {
      items: items.map(deliveryView),
      ...(isLast ? {} : { nextCursor: attemptId(last.id) }),
    }
  }

  retry(id: string, deliveryOrEventId: string): number {
    const { delivery } = this.#deps
    this.#requireActive(id)
    delivery.flush()
    const sequences = this.#sequencesOf(id, deliveryOrEventId)
    if (sequences.length === 0) {
      throw new GatewayError('NOT_FOUND', 'There is no such delivery, or the log no longer has it')
    }
    delivery.retry(id, sequences)
    return sequences.length
  }

  replay(id: string, { since = 0, until, types, onlyFailed }: ReplayRequest): number {
    const { delivery, clock } = this.#deps
    const { events } = this.#settings(this.#requireActive(id))
    return delivery.replay(id, {
      since,
      until: until ?? clock.now(),
      onlyParked: onlyFailed,
      ...(types === undefined ? {} : { types: types.filter((type) => wantsEvent(events, type)) }),
    })
  }

  async test(id: string): Promise<TestResult> {
    const { clock, config } = this.#deps
    const event = testEvent(id, config(), clock.now())
    const startedAt = clock.now()
    const destination = this.#destination(this.#row(id))
    const outcome = await destination.deliver([event], { attempt: 1, replay: false })
    return {
      eventId: event.id,
      delivered: outcome.kind === 'delivered',
      durationMs: clock.now() - startedAt,
      ...(outcome.answer && { httpStatus: outcome.answer.status, answer: outcome.answer.body }),
      ...(outcome.kind === 'delivered' ? {} : { error: outcome.error }),
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.run('webhooks', task)
  }

  /** Rows of the endpoints that there are: the first one is there while it has a URL. */
  #rows(): WebhookRow[] {
    const has = this.#deps.config()?.webhook
    return this.#deps.store.all().filter(({ id }) => id !== DEFAULT_ENDPOINT || has)
  }

  #row(id: string): WebhookRow {
    const row = this.#rows().find((each) => each.id === id)
    if (row === undefined) throw unknown()
    return row
  }

  #requireActive(id: string): WebhookRow {
    const row = this.#row(id)
    const { delivery } = this.#deps
    if (!this.#settings(row).enabled || delivery.report(id)?.disabled != null) {
      throw new GatewayError('CONFLICT', 'The webhook is disabled: enable it first')
    }
    return row
  }

  #settings(row: WebhookRow): WebhookSettings {
    const { config, format } = this.#deps
    const settings = { ...defaultSettings, format, ...row.settings }
    if (row.id !== DEFAULT_ENDPOINT) return settings
    const { webhook: url = '', events = [] } = config() ?? {}
    return { ...settings, url, events }
  }

  #view(row: WebhookRow): WebhookView {
    return webhookView(row, this.#settings(row), this.#deps.delivery.report(row.id))
  }

  #destination(row: WebhookRow): Destination {
    const settings = this.#settings(row)
    const wants = ({ type, chatId }: EventFacts): boolean =>
      wantsEvent(settings.events, type) && isChatWanted(settings.chats, chatId)
    const options = { ...settings, id: row.id, wants, secrets: () => this.#open(row) }
    return webhook(options, this.#deps)
  }

  async #open(row: WebhookRow): Promise<WebhookSecrets> {
    const { vault } = this.#deps
    const secret = await vault.open(row.secret, SECRET_PURPOSE)
    const old = row.oldSecret && (await vault.open(row.oldSecret, SECRET_PURPOSE))
    return {
      signing: [{ secret }, ...(old ? [{ secret: old, until: row.oldSecretUntil }] : [])],
      headers: await this.#headers(row),
    }
  }

  async #headers({ headers }: WebhookRow): Promise<Record<string, string>> {
    if (headers === null) return {}
    return JSON.parse(await this.#deps.vault.open(headers, HEADERS_PURPOSE))
  }

  async #newRow(id: string, secret = newSigningSecret()): Promise<WebhookRow> {
    const { vault, clock } = this.#deps
    const now = clock.now()
    return {
      id,
      settings: {},
      headerNames: [],
      headers: null,
      secret: await vault.seal(secret, SECRET_PURPOSE),
      oldSecret: null,
      oldSecretUntil: 0,
      createdAt: now,
      updatedAt: now,
    }
  }

  /** @throws {GatewayError} INVALID_INPUT, FORBIDDEN for what cannot be */
  async #changed(row: WebhookRow, change: WebhookChange): Promise<WebhookRow> {
    const { outbound, vault } = this.#deps
    const { headers, ...given } = change
    const entries = Object.entries(given).filter(([, value]) => value !== undefined)
    const settings = { ...row.settings, ...Object.fromEntries(entries) }
    const next = { ...row, settings }
    const { batch, format } = { ...this.#settings(next), ...settings }
    if (batch !== null && format === 'form') {
      const text = 'batch: a batch cannot be sent as a form'
      throw new GatewayError('INVALID_INPUT', text, { field: 'batch' })
    }
    if (change.url !== undefined) {
      const refusal = outbound.refusal(change.url)
      if (refusal) throw new GatewayError('FORBIDDEN', `url: ${refusal}`, { field: 'url' })
    }
    if (headers === undefined) return next
    const all: Record<string, string> = await this.#headers(row)
    for (const [name, value] of Object.entries(headers)) {
      if (value === null) delete all[name.toLowerCase()]
      else all[name.toLowerCase()] = value
    }
    const headerNames = Object.keys(all).sort()
    if (headerNames.length === 0) return { ...next, headers: null, headerNames }
    return { ...next, headers: await vault.seal(JSON.stringify(all), HEADERS_PURPOSE), headerNames }
  }

  /** Writes a row down; what the first endpoint shares with `/webhook` goes to the tenant's settings. */
  #save(row: WebhookRow, change: WebhookChange = {}): WebhookView {
    const { store, clock, setConfig, onChanged } = this.#deps
    const isDefault = row.id === DEFAULT_ENDPOINT
    const { url, events, ...rest } = row.settings
    const settings = isDefault ? rest : row.settings
    const saved = { ...row, settings, updatedAt: clock.now() }
    store.save(saved)
    if (isDefault && (change.url !== undefined || change.events !== undefined)) {
      const shared = { webhook: change.url, events: change.events }
      setConfig(shared as { webhook?: string; events?: string[] })
    } else onChanged()
    return this.#view(saved)
  }

  #patch(id: string, settings: Partial<WebhookSettings>): WebhookView {
    const row = this.#row(id)
    return this.#save({ ...row, settings: { ...row.settings, ...settings } })
  }

  /** Events of a delivery or the one event that an id names. */
  #sequencesOf(id: string, deliveryOrEventId: string): number[] {
    const { log } = this.#deps
    const attempt = attemptOf(deliveryOrEventId)
    const row = attempt === undefined ? undefined : log.attempt(id, attempt)
    if (row !== undefined) return log.sequencesBetween(row.sequence, row.lastSequence)
    const sequence = log.sequenceOf(deliveryOrEventId)
    return sequence === undefined ? [] : [sequence]
  }
}

const defaultSettings: WebhookSettings = {
  url: '',
  description: '',
  enabled: true,
  paused: false,
  events: [ALL_EVENTS],
  chats: null,
  format: 'json',
  timeoutMs: 15_000,
  scheduleMs: [...RETRY_SCHEDULE_MS],
  order: 'chat',
  batch: null,
  hmac: false,
}

const unknown = (): GatewayError => new GatewayError('NOT_FOUND', 'There is no such webhook')

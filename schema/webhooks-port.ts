import type { Page, PageRequest } from './sends-port.ts'

/** Id of the endpoint that `/webhook` means: its URL and events are the tenant's own. */
export const DEFAULT_ENDPOINT = 'default'
export const MAX_ENDPOINTS = 20

export const webhookFormats = ['json', 'form'] as const
export type WebhookFormat = (typeof webhookFormats)[number]
export const deliveryOrders = ['chat', 'strict', 'none'] as const

/** Which chats an endpoint hears of, by id as text; events of no chat always pass. */
export interface ChatFilter {
  include?: string[] | undefined
  exclude?: string[] | undefined
}

/** What an owner decides about an endpoint, without its secrets. */
export interface WebhookSettings {
  url: string
  description: string
  enabled: boolean
  paused: boolean
  /** Names of the events; `All` for every one. */
  events: string[]
  chats: ChatFilter | null
  format: WebhookFormat
  timeoutMs: number
  /** Waits before attempts 2, 3, … */
  scheduleMs: number[]
  order: (typeof deliveryOrders)[number]
  batch: { maxEvents: number; maxWaitMs: number } | null
  /** Sends `x-hmac-signature` too. */
  hmac: boolean
}

type Optional<Fields> = { [Name in keyof Fields]?: Fields[Name] | undefined }

/** Fields that are left out stay as they are, or get their defaults. */
export interface WebhookChange extends Optional<Omit<WebhookSettings, 'paused'>> {
  /** `null` removes a header, those not named stay. */
  headers?: Record<string, string | null> | undefined
}

export type EndpointState = 'active' | 'failing' | 'paused' | 'disabled'

/** An endpoint as its owner sees it. Times are ISO 8601. */
export interface WebhookView extends Omit<WebhookSettings, 'paused'> {
  id: string
  /** Names of the own headers; their values are never shown. */
  headerNames: string[]
  createdAt: string
  updatedAt: string
  status: {
    state: EndpointState
    /** Why it is disabled. */
    reason?: string
    /** Events behind its place in the log, wanted or not. */
    pending: number
    /** Events given up on that the log still holds. */
    parked: number
    /** Events asked for again that wait. */
    redeliveries: number
    /** Failures in a row. */
    failures: number
    lastError?: string
    lastSuccessAt?: string
    failingSince?: string
    nextAttemptAt?: string
  }
}

export interface DeliveryView {
  id: string
  eventId: string
  /** 0 for a test. */
  sequence: number
  /** How many events the request carried; `eventId` and `sequence` are those of the first. */
  events: number
  type: string
  attempt: number
  at: string
  durationMs: number
  outcome: 'delivered' | 'failed' | 'parked' | 'gone'
  httpStatus?: number
  error?: string
  /** The first 1 KiB of what the receiver answered. */
  answer?: string
  replay: boolean
}

export interface TestResult {
  eventId: string
  delivered: boolean
  durationMs: number
  httpStatus?: number
  error?: string
  answer?: string
}

export interface ReplayRequest {
  /** Unix ms, both inclusive; absent: from the log's start, up to now. */
  since?: number | undefined
  until?: number | undefined
  types?: string[] | undefined
  onlyFailed: boolean
}

/**
 * The endpoints of a tenant. Changes act at once. Every method that takes an id throws NOT_FOUND for
 * one that is not there.
 */
export interface WebhooksPort {
  list(): WebhookView[]
  get(id: string): WebhookView
  /** The secret that signs now. */
  secretOf(id: string): Promise<string>
  /** @throws {GatewayError} CONFLICT when there are too many; FORBIDDEN for a URL that is not allowed */
  create(change: WebhookChange & { url: string; secret?: string | undefined }): Promise<WebhookView>
  update(id: string, change: WebhookChange): Promise<WebhookView>
  remove(id: string): void
  /** Another secret; the old one signs beside it for a while. Absent: one is made. */
  rotate(
    id: string,
    options: { secret?: string | undefined; keepOldMs: number },
  ): Promise<{ secret: string; oldSecretUntil: string }>
  pause(id: string): WebhookView
  /** Also gives a failing or disabled endpoint another chance at once. */
  resume(id: string): WebhookView
  deliveries(
    id: string,
    request: PageRequest & { status: 'all' | 'failed' | 'parked' },
  ): Page<DeliveryView>
  /**
   * Asks for the events of a delivery, or for one event, again.
   * @throws {GatewayError} NOT_FOUND also when retention took them; CONFLICT while it is disabled
   */
  retry(id: string, deliveryOrEventId: string): number
  /** Tells how many events were added. */
  replay(id: string, request: ReplayRequest): number
  /** Sends one signed event now, past every queue. */
  test(id: string): Promise<TestResult>
}

import type { TenantConfig } from '../schema/session-port.ts'
import type { DeliveryView, WebhookSettings, WebhookView } from '../schema/webhooks-port.ts'
import type { DestinationReport } from './delivery.ts'
import type { AttemptRow } from './delivery-store.ts'
import { newEventId } from './event-id.ts'
import type { LoggedEvent } from './store.ts'
import type { WebhookRow } from './webhook-store.ts'

/** Endpoints and deliveries as their owner sees them. */

export const webhookView = (
  row: WebhookRow,
  { paused, ...settings }: WebhookSettings,
  report: DestinationReport | undefined,
): WebhookView => ({
  id: row.id,
  ...settings,
  headerNames: row.headerNames,
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
  status: {
    ...stateOf(settings.enabled, paused, report),
    pending: report?.pending ?? 0,
    parked: report?.parked ?? 0,
    redeliveries: report?.redeliveries ?? 0,
    failures: report?.failures ?? 0,
    ...(report?.lastError && report.failures > 0 ? { lastError: report.lastError } : {}),
    ...(report?.lastSuccessAt ? { lastSuccessAt: iso(report.lastSuccessAt) } : {}),
    ...(report?.failingSince ? { failingSince: iso(report.failingSince) } : {}),
    ...(report?.nextAttemptAt === undefined ? {} : { nextAttemptAt: iso(report.nextAttemptAt) }),
  },
})

const stateOf = (
  enabled: boolean,
  paused: boolean,
  report: DestinationReport | undefined,
): Pick<WebhookView['status'], 'state' | 'reason'> => {
  if (!enabled) return { state: 'disabled', reason: 'switched off' }
  if (report?.disabled != null) return { state: 'disabled', reason: report.disabled }
  if (paused) return { state: 'paused' }
  return { state: report !== undefined && report.failures > 0 ? 'failing' : 'active' }
}

export const deliveryView = (row: AttemptRow & { id: number }): DeliveryView => ({
  id: attemptId(row.id),
  eventId: row.eventId,
  sequence: row.sequence,
  events: row.events,
  type: row.type,
  attempt: row.attempt,
  at: iso(row.at),
  durationMs: row.durationMs,
  outcome: row.outcome,
  ...(row.status === null ? {} : { httpStatus: row.status }),
  ...(row.error === null ? {} : { error: row.error }),
  ...(row.answer === null ? {} : { answer: row.answer }),
  replay: row.replay,
})

export const attemptId = (id: number): string => `dlv_${id}`

/** The attempt behind an id; `undefined` for what is no such id. */
export const attemptOf = (id: string): number | undefined => {
  const digits = /^dlv_(\d{1,15})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** What a receiver gets to see that it works. It is in no log. */
export const testEvent = (
  webhookId: string,
  config: TenantConfig | undefined,
  now: number,
): LoggedEvent => {
  const id = newEventId(0)
  const body = JSON.stringify({
    id,
    sequence: 0,
    type: 'Test',
    timestamp: iso(now),
    webhookId,
    message: 'This webhook works',
    userID: config?.id,
    instanceID: config?.id,
    instanceName: config?.name,
    eventTimestamp: Math.floor(now / 1000),
  })
  return { sequence: 0, id, type: 'Test', lane: 0, chatId: null, createdAt: now, body }
}

const iso = (ms: number): string => new Date(ms).toISOString()

import type { WebhookSettings } from '../../schema/webhooks-port.ts'
import type { Clock } from '../clock.ts'
import type { Answer, AttemptFacts, Destination, Events, Outcome } from '../destination.ts'
import { type Outbound, OutboundError } from '../outbound-fetch.ts'
import { Signer, type SigningSecret, traceparent } from './signature.ts'

/** How much of an answer is read; the rest is cancelled. */
const ANSWER_BYTES = 1024
const TIMEOUT_MS = 15_000

/** What is kept sealed of an endpoint. */
export interface WebhookSecrets {
  /** Newest first; none = requests are not signed. */
  signing: readonly SigningSecret[]
  /** Own headers, by lower-case name. */
  headers: Record<string, string>
}

/** An endpoint that requests go to. Settings that are left out get the defaults of the port. */
export interface WebhookOptions
  extends Partial<
    Pick<WebhookSettings, 'timeoutMs' | 'hmac' | 'order' | 'scheduleMs' | 'batch' | 'paused'>
  > {
  id: string
  url: string
  format: WebhookSettings['format']
  wants: Destination['wants']
  /** Opens what is sealed; asked at the first attempt and kept. */
  secrets(): Promise<WebhookSecrets>
}

/**
 * A webhook after the Standard Webhooks rules: signed over id, time and body; 2xx within the timeout
 * is success, a redirect is not, 410 ends it, everything else is tried again. Rules WH in SPEC.md.
 */
export const webhook = (
  options: WebhookOptions,
  { outbound, clock }: { outbound: Outbound; clock: Clock },
): Destination => {
  const { id, url, wants, order, scheduleMs, batch, paused, hmac = false } = options
  const { timeoutMs = TIMEOUT_MS } = options
  let opened: Promise<{ signer: Signer; headers: Record<string, string> }> | undefined
  const open = async () => {
    const { signing, headers } = await options.secrets()
    return { signer: new Signer(signing), headers }
  }
  return {
    id,
    url,
    wants,
    ...(order && { order }),
    ...(scheduleMs && { scheduleMs }),
    ...(batch && { batch }),
    ...(paused && { paused }),
    deliver: async (events, facts) => {
      opened ??= open()
      // A failure to open is not kept: the key may be configured a moment later.
      opened.catch(() => {
        opened = undefined
      })
      const { signer, headers } = await opened
      const now = clock.now()
      const body = bodyOf(events, options)
      const about = headersOf(events, facts, batch != null)
      const seconds = Math.floor(now / 1000).toString()
      const signed = { id: about['webhook-id'], seconds, body, now }
      const request = {
        method: 'POST',
        headers: {
          ...headers,
          ...about,
          'content-type': contentTypes[options.format],
          'user-agent': 'MaxAPI (webhooks)',
          'webhook-timestamp': seconds,
          ...signer.headers(signed, hmac),
        },
        body,
        timeoutMs,
        maxBytes: ANSWER_BYTES,
      } as const
      try {
        const { status, headers: answered, body: text } = await outbound.ask(url, request)
        const answer = { status, body: utf8.decode(text) }
        return judge(answer, answered.get('retry-after'), clock.now())
      } catch (error) {
        if (!(error instanceof OutboundError)) throw error
        return { kind: 'failed', error: error.message }
      }
    },
  }
}

const contentTypes = { json: 'application/json', form: 'application/x-www-form-urlencoded' }
const utf8 = new TextDecoder()

/** The stored bytes: one event, or the events of a batch as an array. */
const bodyOf = (events: Events, { format, batch }: WebhookOptions): string => {
  if (batch) return `[${events.map(({ body }) => body).join(',')}]`
  const [{ body }] = events
  return format === 'form' ? asForm(body) : body
}

const headersOf = (events: Events, { attempt, replay }: AttemptFacts, isBatch: boolean) => {
  const [first] = events
  const last = events.at(-1) ?? first
  // A batch that comes again is the same one only if it carries the same events.
  const id = isBatch ? `bat_${first.id.replace(/^evt_/, '')}_${events.length}` : first.id
  return {
    'webhook-id': id,
    'maxapi-event': isBatch ? 'batch' : first.type,
    'maxapi-sequence': isBatch ? `${first.sequence}-${last.sequence}` : `${first.sequence}`,
    'maxapi-attempt': String(attempt),
    ...(replay && { 'maxapi-replay': 'true' }),
    traceparent: traceparent(first.id, attempt),
  }
}

/** The original's form body: each top-level field, nested values as JSON text. */
const asForm = (body: string): string => {
  const form = new URLSearchParams()
  for (const [key, value] of Object.entries(JSON.parse(body) as Record<string, unknown>)) {
    form.set(key, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return form.toString()
}

const judge = (answer: Answer, retryAfterHeader: string | null, now: number): Outcome => {
  const { status } = answer
  if (status >= 200 && status < 300) return { kind: 'delivered', answer }
  if (status === 410) return { kind: 'gone', error: 'the receiver answered 410 Gone', answer }
  const retryAfterMs = retryAfter(retryAfterHeader, now)
  return {
    kind: 'failed',
    error: `the receiver answered ${status}`,
    answer,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** `Retry-After` in ms, from seconds or a date. */
export const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

import { base64 } from '../../schema/base64.ts'
import { type OutboundPolicy, refuseOutbound } from '../../schema/outbound.ts'
import type { Clock } from '../clock.ts'
import type { Destination, Outcome } from '../destination.ts'

const TIMEOUT_MS = 15_000
/** How much of an answer is read; the rest is cancelled. */
const ANSWER_BYTES = 1024

export interface WebhookOptions {
  id: string
  url: string
  /** `whsec_` and base64 of the signing key (Standard Webhooks); `''` for no signature. */
  secret: string
  format: 'json' | 'form'
  policy: OutboundPolicy
  wants: Destination['wants']
  clock: Clock
  fetch: (url: string, init: RequestInit) => Promise<Response>
}

/**
 * A webhook after the Standard Webhooks rules: signed over id, time and body; 2xx within the timeout
 * is success, a redirect is not, 410 ends it, everything else is tried again.
 */
export const webhook = (options: WebhookOptions): Destination => {
  let key: Promise<CryptoKey> | undefined
  const sign = async (text: string): Promise<string> => {
    key ??= signingKey(options.secret)
    const signature = await crypto.subtle.sign('HMAC', await key, utf8.encode(text))
    return `v1,${base64(new Uint8Array(signature))}`
  }
  return {
    id: options.id,
    url: options.url,
    wants: options.wants,
    deliver: async ([event], { attempt }) => {
      // Again at each attempt: what was allowed when it was saved may be forbidden now.
      const refused = refuseOutbound(options.url, options.policy)
      if (refused !== undefined) return { kind: 'failed', error: refused }
      const body = options.format === 'form' ? asForm(event.body) : event.body
      const seconds = Math.floor(options.clock.now() / 1000).toString()
      const headers = {
        'content-type':
          options.format === 'form' ? 'application/x-www-form-urlencoded' : 'application/json',
        'user-agent': 'MaxAPI (webhooks)',
        'webhook-id': event.id,
        'webhook-timestamp': seconds,
        ...(options.secret === ''
          ? {}
          : { 'webhook-signature': await sign(`${event.id}.${seconds}.${body}`) }),
        'maxapi-event': event.type,
        'maxapi-sequence': String(event.sequence),
        'maxapi-attempt': String(attempt),
      }
      return post(options, headers, body)
    },
  }
}

const utf8 = new TextEncoder()

const signingKey = (secret: string): Promise<CryptoKey> => {
  const raw = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0))
  return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

/** A fresh signing secret. */
export const newSigningSecret = (): string =>
  `whsec_${base64(crypto.getRandomValues(new Uint8Array(32)))}`

/** The original's form body: each top-level field, nested values as JSON text. */
const asForm = (body: string): string => {
  const form = new URLSearchParams()
  for (const [key, value] of Object.entries(JSON.parse(body) as Record<string, unknown>)) {
    form.set(key, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return form.toString()
}

const post = async (
  options: WebhookOptions,
  headers: Record<string, string>,
  body: string,
): Promise<Outcome> => {
  const abort = new AbortController()
  const stopTimer = options.clock.after(TIMEOUT_MS, () => abort.abort())
  try {
    const response = await options.fetch(options.url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: abort.signal,
    })
    const { status } = response
    await drain(response)
    if (status >= 200 && status < 300) return { kind: 'delivered' }
    if (status === 410) return { kind: 'gone', error: 'the receiver answered 410 Gone' }
    const retryAfterMs = retryAfter(response.headers.get('retry-after'), options.clock.now())
    return {
      kind: 'failed',
      error: `the receiver answered ${status}`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  } catch {
    // The runtime's words may hold the URL, which may hold the user's secrets.
    const error = abort.signal.aborted ? 'no answer within 15 s' : 'cannot reach the receiver'
    return { kind: 'failed', error }
  } finally {
    stopTimer()
  }
}

/** Reads the start of an answer and drops the rest, so that the connection can be used again. */
const drain = async (response: Response): Promise<void> => {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  for (let read = 0; read < ANSWER_BYTES; ) {
    const { done, value } = await reader.read()
    if (done) return
    read += value.length
  }
  await reader.cancel()
}

/** `Retry-After` in ms, from seconds or a date. */
export const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

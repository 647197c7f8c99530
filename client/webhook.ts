import type { EventName } from '../schema/events.ts'

/** An event as it comes to a webhook. What an event has beside this is in API.md. */
export interface WebhookEvent {
  id: string
  sequence: number
  type: EventName
  /** ISO 8601. */
  timestamp: string
  /** The tenant. */
  instanceID: string
  instanceName: string
  [field: string]: unknown
}

export interface VerifyOptions {
  /** How far the sender's clock and ours may be apart, and how old a delivery may be. */
  toleranceS?: number
  /** Unix ms. */
  now?: number
}

/** A delivery that was not signed with the secret, or too long ago. */
export class WebhookVerificationError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WebhookVerificationError'
  }
}

type HeaderBag = Headers | Record<string, string | string[] | undefined>

const TOLERANCE_S = 300

/**
 * Checks a delivery after Standard Webhooks and returns its event.
 * @param body the body as it came, byte for byte: parse nothing before
 * @param secret `whsec_…`; several while one replaces another
 * @throws {WebhookVerificationError}
 */
export const verifyWebhook = async (
  headers: HeaderBag,
  body: string | Uint8Array,
  secret: string | readonly string[],
  { toleranceS = TOLERANCE_S, now = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> => {
  const id = header(headers, 'webhook-id')
  const timestamp = header(headers, 'webhook-timestamp')
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN
  if (!(Math.abs(now / 1000 - seconds) <= toleranceS)) {
    throw new WebhookVerificationError('the delivery is too old, or from the future')
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`)
  const signatures = header(headers, 'webhook-signature')
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => decode(each.slice(3)))
  for (const each of typeof secret === 'string' ? [secret] : secret) {
    const raw = decode(each.replace(/^whsec_/, ''))
    if (raw === undefined) throw new WebhookVerificationError('the secret is no whsec_ secret')
    const key = await crypto.subtle.importKey(
      'raw',
      raw,
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    )
    for (const signature of signatures) {
      if (signature === undefined) continue
      // `verify` compares in constant time.
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return JSON.parse(text)
    }
  }
  throw new WebhookVerificationError('no signature fits')
}

const header = (headers: HeaderBag, name: string): string => {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  if (typeof value !== 'string') throw new WebhookVerificationError(`${name} is missing`)
  return value
}

const decode = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

import { createHmac } from 'node:crypto'
import { base64 } from '../../schema/base64.ts'

const SECRET_BYTES = 32

/** A fresh signing secret. */
export const newSigningSecret = (): string =>
  `whsec_${base64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`

/** A secret that signs, and until when; `undefined` = for good. */
export interface SigningSecret {
  secret: string
  /** Unix ms. */
  until?: number
}

interface Keys {
  /** The bytes behind `whsec_`. */
  standard: Uint8Array
  /** The whole text, as receivers of other gateways take it. */
  text: string
  until: number
}

/** Signs with one or several secrets, newest first. */
export class Signer {
  readonly #keys: readonly Keys[]

  constructor(secrets: readonly SigningSecret[]) {
    this.#keys = secrets.map(toKeys)
  }

  /**
   * Signature headers for a body: `webhook-signature` after Standard Webhooks, with one signature for
   * each secret that is valid now, and `x-hmac-signature` of the body alone if asked for.
   */
  headers(
    { id, seconds, body, now }: { id: string; seconds: string; body: string; now: number },
    hmac: boolean,
  ): Record<string, string> {
    const keys = this.#keys.filter(({ until }) => now < until)
    const [newest] = keys
    if (newest === undefined) return {}
    const signed = `${id}.${seconds}.${body}`
    return {
      'webhook-signature': keys
        .map(({ standard }) => `v1,${mac(standard, signed).digest('base64')}`)
        .join(' '),
      ...(hmac && { 'x-hmac-signature': mac(newest.text, body).digest('hex') }),
    }
  }
}

const toKeys = ({ secret, until = Number.POSITIVE_INFINITY }: SigningSecret): Keys => {
  const standard = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) =>
    char.charCodeAt(0),
  )
  return { standard, text: secret, until }
}

/** Node's, because it answers at once: each promise of Web Crypto is a turn of the event loop more. */
const mac = (key: Uint8Array | string, data: string) => createHmac('sha256', key).update(data)

/**
 * A W3C `traceparent` that is the same for every attempt at an event, so that a receiver's traces of
 * them belong together; its span tells the attempts apart.
 */
export const traceparent = (eventId: string, attempt: number): string => {
  const digits = /[0-9a-f]{32}$/.exec(eventId)?.[0]
  const trace = digits === undefined ? spread(eventId) : mixed(digits)
  const span = `${trace.slice(0, 12)}${(attempt & 0xffff).toString(16).padStart(4, '0')}`
  return `00-${trace}-${span}-01`
}

/**
 * The digits of an event's id, the sequence in front masked with random ones. Trace Context Level 2
 * wants the last 7 bytes to be random, which they are, but some samplers look at the first 8.
 */
const mixed = (digits: string): string => {
  const masked = BigInt(`0x${digits.slice(0, 12)}`) ^ BigInt(`0x${digits.slice(-12)}`)
  return masked.toString(16).padStart(12, '0') + digits.slice(12)
}

/** 32 hex digits out of any text (FNV-1a, once for each word of the result). */
const spread = (text: string): string =>
  Array.from({ length: 4 }, (_, word) => {
    let hash = 0x811c9dc5 ^ word
    for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193)
    return (hash >>> 0).toString(16).padStart(8, '0')
  }).join('')

import { base64 } from '../../schema/base64.ts'

const encoder = new TextEncoder()
/** The compiler does not know that this is never shared memory. */
const bytes = (text: string) => encoder.encode(text) as Uint8Array<ArrayBuffer>
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
  standard: CryptoKey
  /** The whole text, as receivers of other gateways take it. */
  text: CryptoKey
  until: number
}

/** Signs with one or several secrets, newest first. Keys are loaded once. */
export class Signer {
  readonly #secrets: readonly SigningSecret[]
  #keys: Promise<Keys[]> | undefined

  constructor(secrets: readonly SigningSecret[]) {
    this.#secrets = secrets
  }

  /**
   * Signature headers for a body: `webhook-signature` after Standard Webhooks, with one signature for
   * each secret that is valid now, and `x-hmac-signature` of the body alone if asked for.
   */
  async headers(
    facts: { id: string; seconds: string; body: string; now: number },
    hmac: boolean,
  ): Promise<Record<string, string>> {
    this.#keys ??= Promise.all(this.#secrets.map(loadKeys))
    const keys = (await this.#keys).filter(({ until }) => facts.now < until)
    const [newest] = keys
    if (newest === undefined) return {}
    const signed = bytes(`${facts.id}.${facts.seconds}.${facts.body}`)
    const signatures = await Promise.all(
      keys.map(async ({ standard }) => `v1,${base64(await mac(standard, signed))}`),
    )
    return {
      'webhook-signature': signatures.join(' '),
      ...(hmac && { 'x-hmac-signature': hex(await mac(newest.text, bytes(facts.body))) }),
    }
  }
}

const loadKeys = async ({ secret, until }: SigningSecret): Promise<Keys> => {
  const raw = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0))
  const [standard, text] = await Promise.all([hmacKey(raw), hmacKey(bytes(secret))])
  return { standard, text, until: until ?? Number.POSITIVE_INFINITY }
}

const hmacKey = (raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])

const mac = async (key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.sign('HMAC', key, data))

const hex = (data: Uint8Array): string =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')

/**
 * A W3C `traceparent` that is the same for every attempt at an event, so that a receiver's traces of
 * them belong together; its span tells the attempts apart.
 */
export const traceparent = (eventId: string, attempt: number): string => {
  const digits = eventId.replace(/[^0-9a-f]/g, '')
  const trace = digits.length >= 32 ? digits.slice(-32) : spread(eventId)
  const span = `${trace.slice(0, 12)}${(attempt & 0xffff).toString(16).padStart(4, '0')}`
  return `00-${trace}-${span}-01`
}

/** 32 hex digits out of any text (FNV-1a, once for each word of the result). */
const spread = (text: string): string =>
  Array.from({ length: 4 }, (_, word) => {
    let hash = 0x811c9dc5 ^ word
    for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193)
    return (hash >>> 0).toString(16).padStart(8, '0')
  }).join('')

import { base64 } from '../schema/base64.ts'

/**
 * Secrets at rest: AES-GCM under a key from the environment. The stored text names its key, so that a
 * new key can be put in front of the old one and both read.
 */
export interface Vault {
  /** @param purpose bound to the text: a secret copied to another place does not open there. */
  seal(secret: string, purpose: string): Promise<string>
  /** @throws {Error} when the text was tampered with, or its key is no longer configured. */
  open(sealed: string, purpose: string): Promise<string>
  /** An HMAC-SHA-256 of the text under a key for this purpose only, in base64url. */
  sign(text: string, purpose: string): Promise<string>
  /** Whether one of the keys has signed the text for this purpose. Takes the same time for all. */
  verify(text: string, signature: string, purpose: string): Promise<boolean>
}

interface VaultKey {
  id: string
  aes: CryptoKey
  /** Makes the keys that sign. */
  hkdf: CryptoKey
}

const VERSION = 'v1'
const NONCE_BYTES = 12
const utf8 = new TextEncoder()

/** @param masterKeys one or more keys, comma-separated, newest first; each 32 bytes in base64 or hex. */
export const createVault = (masterKeys: string): Vault => {
  let loaded: Promise<VaultKey[]> | undefined
  const keys = (): Promise<VaultKey[]> => {
    loaded ??= Promise.all(masterKeys.split(',').map((text) => loadKey(text.trim())))
    return loaded
  }
  return {
    seal: async (secret, purpose) => {
      const key = (await keys())[0] as VaultKey
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
      const params = { name: 'AES-GCM', iv, additionalData: utf8.encode(purpose) }
      const sealed = await crypto.subtle.encrypt(params, key.aes, utf8.encode(secret))
      return [VERSION, key.id, base64(iv), base64(new Uint8Array(sealed))].join('.')
    },
    open: async (text, purpose) => {
      const [version, id, iv, sealed] = text.split('.')
      if (version !== VERSION || !iv || !sealed) throw new Error('the stored secret is unreadable')
      const key = (await keys()).find((candidate) => candidate.id === id)
      if (key === undefined) {
        throw new Error(`a stored secret needs the master key ${id}, which is not configured`)
      }
      const params = { name: 'AES-GCM', iv: bytes(iv), additionalData: utf8.encode(purpose) }
      const secret = await crypto.subtle.decrypt(params, key.aes, bytes(sealed))
      return new TextDecoder().decode(secret)
    },
    sign: async (text, purpose) => {
      const key = await signingKey((await keys())[0] as VaultKey, purpose)
      return base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text))))
    },
    verify: async (text, signature, purpose) => {
      const given = SIGNATURE.test(signature) ? bytes(signature.replace(/[-_]/g, plainDigit)) : null
      if (given === null) return false
      for (const master of await keys()) {
        const key = await signingKey(master, purpose)
        if (await crypto.subtle.verify('HMAC', key, given, utf8.encode(text))) return true
      }
      return false
    },
  }
}

/** 32 bytes in base64url. */
const SIGNATURE = /^[\w-]{43}$/
const plainDigit = (digit: string): string => (digit === '-' ? '+' : '/')
const base64url = (raw: Uint8Array): string =>
  base64(raw)
    .replace(/[+/]/g, (digit) => (digit === '+' ? '-' : '_'))
    .replace(/=+$/, '')

const signingKey = ({ hkdf }: VaultKey, purpose: string): Promise<CryptoKey> =>
  crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: utf8.encode(purpose) },
    hkdf,
    { name: 'HMAC', hash: 'SHA-256', length: 256 },
    false,
    ['sign', 'verify'],
  )

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

const loadKey = async (text: string): Promise<VaultKey> => {
  const raw = /^[0-9a-f]{64}$/i.test(text)
    ? Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    : /^[A-Za-z0-9+/]{43}=$/.test(text)
      ? bytes(text)
      : undefined
  if (raw === undefined) {
    throw new Error('MAXAPI_MASTER_KEY must hold 32 bytes as base64 or 64 hex digits')
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', raw))
  const id = Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
  const aes = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const hkdf = await crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveKey'])
  return { id, aes, hkdf }
}

/**
 * The MAX vocabulary that frames are made of: commands, frames, 64-bit values and protocol limits.
 * Facts come from `protocol/wire-and-auth.md`; section numbers below refer to it.
 */

/** Frame kinds (§4.2). A push and a request look the same: who sends it tells them apart. */
export const Command = {
  REQUEST: 0,
  OK: 1,
  ERROR: 3,
} as const
export type Command = (typeof Command)[keyof typeof Command]

/** Version byte of the two encodings (§3, §4.1). */
export const BINARY_VERSION = 10
export const JSON_VERSION = 11

/** One protocol message, independent of its encoding. `seq` is 16 bit and chosen by the initiator. */
export interface Frame {
  ver: number
  cmd: number
  seq: number
  opcode: number
  /** `null` when the frame has no body. Integers outside ±2^53 are `bigint`. */
  payload: WireValue
}

/** What a payload may hold. `undefined` fields are left out when encoding, never sent as nil (§4.6). */
export type WireValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Int64
  | WireValue[]
  | { [key: string]: WireValue }
export type WireMap = { [key: string]: WireValue }

/**
 * An integer that MAX holds in 64 bits. The binary web transport wraps it in extension 1, TLS TCP
 * sends it bare, JSON sends a message id as a string and every other id as a number (§3, §4.6).
 */
export class Int64 {
  readonly value: bigint
  readonly kind: Int64Kind

  constructor(value: bigint, kind: Int64Kind) {
    this.value = value
    this.kind = kind
  }

  /** The form of the JSON transport: message ids as text, everything else as digits. */
  toJSON(): string | bigint {
    return this.kind === 'messageId' ? this.value.toString() : this.value
  }
}
export type Int64Kind = 'id' | 'messageId' | 'time'

/** A chat or user id for a payload. Throws `RangeError`/`SyntaxError` on anything that is no integer. */
export const wireId = (value: number | bigint | string): Int64 => new Int64(BigInt(value), 'id')
/** A message id for a payload. */
export const wireMessageId = (value: number | bigint | string): Int64 =>
  new Int64(BigInt(value), 'messageId')
/** A time or duration as a *server* sends it: wrapped too. Clients send times as plain numbers (§4.6). */
export const wireTime = (ms: number): Int64 => new Int64(BigInt(Math.trunc(ms)), 'time')

/** True for a plain payload map, the shape of nearly every payload. */
export const isWireMap = (value: unknown): value is WireMap =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Int64)

/** The payload as a map; anything else (nil, a bare integer) reads as an empty one. */
export const asMap = (value: WireValue): WireMap => (isWireMap(value) ? value : {})
/** A field as an array of maps, tolerating a missing field and nulls inside (§6.4 `contacts`). */
export const asMaps = (value: WireValue): WireMap[] =>
  Array.isArray(value) ? value.filter(isWireMap) : []
/** A field as a string, or `undefined` when it is missing or of another type. */
export const asString = (value: WireValue): string | undefined =>
  typeof value === 'string' ? value : undefined
/** A field as a safe number; decimal strings count, integers beyond 2^53 do not. */
export const asNumber = (value: WireValue): number | undefined => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^-?\d{1,15}$/.test(value)) return undefined
  return Number(value)
}
/** An integer field as a decimal string, whatever form it arrived in. */
export const asIdString = (value: WireValue): string | undefined => {
  if (typeof value === 'string') return /^-?\d+$/.test(value) ? value : undefined
  if (typeof value === 'bigint') return value.toString()
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/** Protocol limits and times. */
export const Limit = {
  /** Largest frame body we accept from MAX. A real LOGIN reply was 237 KB on the wire (§2). */
  maxBodyBytes: 16 * 1024 * 1024 - 1,
  /** Cap on decompression (§4.5: a real LOGIN reached 0.8 MB, other clients cap at 1 to 32 MiB). */
  maxPayloadBytes: 32 * 1024 * 1024,
  /** Nesting we follow before calling a payload malformed. */
  maxDepth: 64,
  connectTimeoutMs: 15_000,
  callTimeoutMs: 30_000,
  /** Official clients ping every 30 s (§7). */
  pingIntervalMs: 30_000,
  /** Our rule: this many pings without an answer mean a dead socket (§12). */
  unansweredPings: 2,
  /** At least this long between LOGINs after the second in a row (§12). */
  loginSpacingMs: 60_000,
  /** LOGIN `chatsCount`: 100 is accepted, 200 refused (§6.1). */
  chatsCount: 40,
  qrRefreshes: 10,
} as const

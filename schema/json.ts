import { base64 } from './base64.ts'

/**
 * JSON without lies about integers: what `JSON.parse` would round comes back as `bigint`, and a
 * `bigint` goes out either as a decimal string (towards our users) or as bare digits (towards MAX).
 */

/** A number literal long enough to leave the safe range, anywhere in the text. */
const longDigits = /\d{16}/

/** The third argument that engines with source text access give to a reviver. */
interface ReviverContext {
  source?: string
}

const exactInteger = (_key: string, value: unknown, context: ReviverContext): unknown => {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

/**
 * Parses JSON; integers outside ±2^53 become `bigint`.
 * @throws {SyntaxError} as `JSON.parse` does.
 */
export const parseJson = (text: string): unknown =>
  longDigits.test(text)
    ? JSON.parse(text, exactInteger as (key: string, value: unknown) => unknown)
    : JSON.parse(text)

const bigintAsString = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value

/** Renders JSON for our users: a `bigint` becomes a decimal string, which no client can round. */
export const stringifyJson = (value: unknown): string => JSON.stringify(value, bigintAsString)

/** `JSON.rawJSON` is missing from the compiler's library; workerd and Node 22+ have it. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

const asWire = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return rawJson(value.toString())
  return value instanceof Uint8Array ? base64(value) : value
}

/** Renders JSON as MAX's text transport has it: a `bigint` as bare digits, bytes as base64. */
export const stringifyWireJson = (value: unknown): string => JSON.stringify(value, asWire)

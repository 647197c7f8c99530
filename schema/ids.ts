import { z } from 'zod'
import { base64 } from './base64.ts'
import { Int64 } from './wire.ts'

/**
 * Ids at the REST border. MAX ids are 64 bit: message ids have 18 digits and do not fit a double.
 * Every id field takes a JSON number of any size or a decimal string; inside, an id is a number when
 * that is exact and a `bigint` otherwise; message ids are decimal strings everywhere.
 */
export type IdValue = number | bigint

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** The narrowest exact form of an integer. */
export const narrow = (value: bigint): IdValue =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value

const integer = z
  .union([z.number(), z.bigint(), z.string()], 'expected an integer id, as a number or a string')
  .transform((value, ctx): bigint => {
    const text = String(value).trim()
    if (!/^-?\d{1,20}$/.test(text)) {
      ctx.addIssue({ code: 'custom', message: 'expected an integer id, as a number or a string' })
      return z.NEVER
    }
    const id = BigInt(text)
    if (id < int64Min || id > int64Max) {
      ctx.addIssue({ code: 'custom', message: 'the id does not fit 64 bits' })
      return z.NEVER
    }
    return id
  })

/** How documents describe an id: JSON Schema has no word for an integer of either form. */
const eitherForm = {
  anyOf: [
    { type: 'integer', format: 'int64' },
    { type: 'string', pattern: '^-?\\d{1,19}$' },
  ],
}

/** A chat or user id. */
export const idInput = integer
  .meta({ id: 'Id', description: 'A chat or user id, as a number or a string.', ...eitherForm })
  .transform(narrow)
/** A message id, as a decimal string from here on. */
export const messageIdInput = integer
  .meta({
    id: 'MessageId',
    description: 'A message id: 18 digits, so better a string than a number.',
    ...eitherForm,
  })
  .transform((id) => id.toString())

/** `id >> 16` is the send time in ms (operations-and-events.md §1.1). */
export const timeOfMessage = (messageId: string): number => Number(BigInt(messageId) >> 16n)

/** Fields that hold message ids wherever they occur in what MAX sends (operations-and-events.md §1.1). */
const messageIdFields = /(?:^m|M)essageIds?$/
/** Fields that hold whole messages. */
const messageFields = new Set(['message', 'messages', 'lastMessage', 'pinnedMessage'])

/**
 * A MAX payload in the form our users get: integers beyond 2^53 and all message ids as strings,
 * bytes as base64, everything else, known or not, as it came.
 */
export const publicValue = (value: unknown, asMessage = false): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return base64(value)
  if (value instanceof Int64) return publicValue(narrow(value.value))
  if (Array.isArray(value)) return value.map((item) => publicValue(item, asMessage))
  const result: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (messageIdFields.test(key)) result[key] = idText(item)
    else if (asMessage && key === 'id') result[key] = idText(item)
    else result[key] = publicValue(item, messageFields.has(key))
  }
  return result
}

const idText = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(idText)
    : typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : value

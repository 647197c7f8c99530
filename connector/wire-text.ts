import { base64 } from '../schema/base64.ts'
import { parseJson, stringifyJson } from '../schema/json.ts'
import { Int64, type Int64Kind, type WireMap, type WireValue } from '../schema/wire.ts'

/**
 * Payloads as text for the store, with the 64-bit markers and the bytes that plain JSON would lose, so
 * that a repeated request is encoded exactly like the first one.
 */
export const payloadToText = (payload: WireMap): string => stringifyJson(mark(payload))
export const payloadFromText = (text: string): WireMap => unmark(parseJson(text)) as WireMap

const TAG = '$int64'
const BYTES = '$bytes'

const mark = (value: WireValue): unknown => {
  if (value instanceof Int64) return { [TAG]: [value.kind, value.value.toString()] }
  if (value instanceof Uint8Array) return { [BYTES]: base64(value) }
  if (Array.isArray(value)) return value.map(mark)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value as WireMap).map(([key, item]) => [key, mark(item)]),
  )
}

const unmark = (value: unknown): WireValue => {
  if (Array.isArray(value)) return value.map(unmark)
  if (typeof value !== 'object' || value === null) return value as WireValue
  const tagged = (value as Record<string, unknown>)[TAG]
  if (Array.isArray(tagged)) return new Int64(BigInt(tagged[1] as string), tagged[0] as Int64Kind)
  const bytes = (value as Record<string, unknown>)[BYTES]
  if (typeof bytes === 'string') return Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unmark(item)]))
}

import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Reads one of the golden files in `test/vectors/`. */
export const loadVectors = <T>(name: string): T =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, '..', 'vectors', name), 'utf8')) as T

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** A vector's payload with `$int` and `$bin` markers turned into the values they stand for. */
export const fromMarkers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(fromMarkers)
  if (typeof value !== 'object' || value === null) return value
  const map = value as Record<string, unknown>
  if (typeof map.$int === 'string') return BigInt(map.$int)
  if (typeof map.$bin === 'string') return fromHex(map.$bin)
  return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, fromMarkers(item)]))
}

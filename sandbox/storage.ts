import { base64 } from '../schema/base64.ts'

/**
 * Where a world keeps its rows: one row per entity, written in the same turn as the change.
 * `load` is called once, before the first `put`.
 */
export interface Storage {
  load(): Iterable<[key: string, json: string]>
  put(key: string, json: string): void
  delete(key: string): void
}

/** Rows in memory: what tests rebuild a world from. */
export class MemoryStorage implements Storage {
  readonly rows = new Map<string, string>()

  load(): Iterable<[string, string]> {
    return [...this.rows]
  }

  put(key: string, json: string): void {
    this.rows.set(key, json)
  }

  delete(key: string): void {
    this.rows.delete(key)
  }
}

/** JSON has neither 64-bit integers nor bytes: both travel as a tagged string. */
const tag = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? { $int: value.toString() }
    : value instanceof Uint8Array
      ? { $bytes: base64(value) }
      : value

const untag = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  const { $int, $bytes } = value as { $int?: unknown; $bytes?: unknown }
  if (typeof $int === 'string') return BigInt($int)
  if (typeof $bytes === 'string') {
    return Uint8Array.from(atob($bytes), (char) => char.charCodeAt(0))
  }
  return value
}

export const toRow = (record: unknown): string => JSON.stringify(record, tag)
/** The caller names the type: rows are written by {@link toRow} alone. */
export const fromRow = <T>(json: string): T => JSON.parse(json, untag) as T

/** Records on their way to a storage; without one nothing is even rendered. */
export class Rows {
  readonly #storage: Storage | undefined

  constructor(storage: Storage | undefined) {
    this.#storage = storage
  }

  put(key: string, record: unknown): void {
    this.#storage?.put(key, toRow(record))
  }

  delete(key: string): void {
    this.#storage?.delete(key)
  }
}

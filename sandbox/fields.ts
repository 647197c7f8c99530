import { isWireMap, type WireMap, type WireValue } from '../schema/wire.ts'
import { malformed, Refusal } from './refusal.ts'

export interface FieldRules {
  /** JSON alone carries message ids as strings (operations-and-events.md §1.2). */
  stringIds: boolean
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

/**
 * Reads a request payload as strictly as MAX does: a field that is missing, of another type or out
 * of range is `proto.payload`, and the message names the field (wire-and-auth.md §11.3).
 */
export class Fields {
  readonly #map: WireMap
  readonly #rules: FieldRules

  constructor(payload: WireValue, rules: FieldRules) {
    if (payload !== null && payload !== undefined && !isWireMap(payload)) {
      throw malformed('Expected map at 0')
    }
    this.#map = payload ?? {}
    this.#rules = rules
  }

  get isEmpty(): boolean {
    return Object.keys(this.#map).length === 0
  }

  get entries(): [name: string, value: WireValue][] {
    return Object.entries(this.#map)
  }

  has(name: string): boolean {
    return this.#map[name] !== undefined && this.#map[name] !== null
  }

  raw(name: string): WireValue {
    return this.#map[name]
  }

  string(name: string): string {
    const value = this.#map[name]
    if (typeof value !== 'string') throw malformed(`Expected string at '${name}'`)
    return value
  }

  boolean(name: string): boolean {
    const value = this.#map[name]
    if (typeof value !== 'boolean') throw malformed(`Expected boolean at '${name}'`)
    return value
  }

  /** A count, time or user or chat id: an integer that a double holds exactly. */
  integer(name: string, range: { min?: number; max?: number } = {}): number {
    const value = exactInteger(this.#map[name], name)
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = range
    if (value < min || value > max) throw malformed(`'${name}' out of range`)
    return value
  }

  integers(name: string): number[] {
    return this.list(name).map((value) => exactInteger(value, name))
  }

  messageId(name: string): bigint {
    return this.#messageId(this.#map[name], name)
  }

  messageIds(name: string): bigint[] {
    return this.list(name).map((value) => this.#messageId(value, name))
  }

  /** A message id of a reaction: MAX hangs up on a string here (wire-and-auth.md §13.1.3). */
  reactedMessageId(name: string): bigint {
    if (typeof this.#map[name] === 'string' && !this.#rules.stringIds) {
      throw new Refusal('proto.payload', `Expected number at '${name}'`, { closes: true })
    }
    return this.messageId(name)
  }

  /** A forward's source id may be a string on every transport (operations-and-events.md §1.2). */
  forwardedMessageId(name: string): bigint {
    return new Fields(this.#map, { stringIds: true }).messageId(name)
  }

  list(name: string): WireValue[] {
    const value = this.#map[name]
    if (!Array.isArray(value)) throw malformed(`Expected array at '${name}'`)
    return value
  }

  strings(name: string): string[] {
    return this.list(name).map((item) => {
      if (typeof item !== 'string') throw malformed(`Expected string in '${name}'`)
      return item
    })
  }

  maps(name: string): WireMap[] {
    return this.list(name).map((item) => {
      if (!isWireMap(item)) throw malformed(`Expected map in '${name}'`)
      return item
    })
  }

  map(name: string): Fields {
    const value = this.#map[name]
    if (!isWireMap(value)) throw malformed(`Expected map at '${name}'`)
    return new Fields(value, this.#rules)
  }

  /** The same readers for a field that may be left out. */
  optional<T>(name: string, read: (fields: this, name: string) => T): T | undefined {
    return this.has(name) ? read(this, name) : undefined
  }

  #messageId(value: WireValue, name: string): bigint {
    if (typeof value === 'string' && this.#rules.stringIds && /^-?\d{1,19}$/.test(value)) {
      return BigInt(value)
    }
    if (typeof value === 'bigint' && value >= int64.min && value <= int64.max) return value
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
    throw malformed(`Expected number at '${name}'`)
  }
}

const exactInteger = (value: WireValue, name: string): number => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (typeof value === 'bigint' && value >= int64.min && value <= int64.max) {
    throw malformed(`'${name}' out of range`)
  }
  throw malformed(`Expected number at '${name}'`)
}

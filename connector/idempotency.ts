import { createHash } from 'node:crypto'
import { errors, GatewayError, toErrorData } from '../schema/errors.ts'
import { parseJson, stringifyJson, stringifyWireJson } from '../schema/json.ts'
import type { Reply } from '../schema/session-port.ts'
import { keyedCid } from './cid.ts'
import type { Clock } from './clock.ts'
import type { Sql } from './sql.ts'

const KEPT_MS = 24 * 3_600_000

/** What is on record of a key. */
interface Entry {
  hash: string
  generation: number
  /** A run under this key has changed something at MAX that must not be repeated. */
  wrote: boolean
  answer: Reply | undefined
}

export interface IdempotencyDeps {
  sql: Sql
  clock: Clock
  /** Whether a message was sent under this `cid`, as far as anybody remembers. */
  isCidTaken(cid: number): boolean
}

/**
 * The Idempotency-Keys of a tenant: one key is one effect, however often the request comes, over
 * crashes too. Rules ID1–ID7 in SPEC.md.
 */
export class Idempotency {
  readonly #deps: IdempotencyDeps
  /** Keys under which something runs now, with what they stand for. */
  readonly #running = new Map<string, string>()

  constructor(deps: IdempotencyDeps) {
    this.#deps = deps
  }

  /**
   * Runs a request under a key, or answers what it answered before.
   * @param request the operation and its parsed input: what the key stands for
   * @throws {GatewayError} IDEMPOTENCY_MISMATCH, IN_PROGRESS, and what `perform` throws
   */
  async run(
    key: string,
    request: readonly unknown[],
    perform: (attempt: Attempt) => Promise<Reply>,
  ): Promise<Reply> {
    const answer = this.recall(key, request)
    if (answer) return answer
    const hash = hashOf(request)
    const entry = this.#find(key)
    this.#running.set(key, hash)
    try {
      return await this.#perform(key, hash, entry, perform)
    } finally {
      this.#running.delete(key)
    }
  }

  /**
   * What the request was answered before; `undefined` when it was not.
   * @throws {GatewayError} IDEMPOTENCY_MISMATCH, IN_PROGRESS
   */
  recall(key: string, request: readonly unknown[]): Reply | undefined {
    const hash = hashOf(request)
    const entry = this.#find(key)
    const known = entry?.hash ?? this.#running.get(key)
    if (known !== undefined && known !== hash) throw new GatewayError('IDEMPOTENCY_MISMATCH')
    if (this.#running.has(key)) {
      throw new GatewayError('IN_PROGRESS', undefined, { retryAfterMs: 1_000 })
    }
    return entry?.answer && { ...entry.answer, replayed: true }
  }

  prune(): void {
    this.#deps.sql.all('DELETE FROM idempotency WHERE created_at < ?', this.#oldest)
  }

  get #oldest(): number {
    return this.#deps.clock.now() - KEPT_MS
  }

  async #perform(
    key: string,
    hash: string,
    entry: Entry | undefined,
    perform: (attempt: Attempt) => Promise<Reply>,
  ): Promise<Reply> {
    const attempt = new Attempt({
      wroteBefore: entry?.wrote ?? false,
      open: () => (entry ?? this.#insert(key, hash)).generation,
      cid: (generation, index) => keyedCid(key, hash, generation, index),
      setWrote: (wrote) => this.#set(key, 'wrote', wrote ? 1 : 0),
    })
    let reply: Reply
    try {
      reply = await perform(attempt)
    } catch (error) {
      // What may pass, and what nobody knows the end of, leaves the key open for the next try.
      if (attempt.isOpen && isFinal(error, attempt)) {
        this.#set(key, 'answer', stringifyJson({ ok: false, error: toErrorData(error) }))
      }
      throw error
    }
    attempt.open()
    this.#set(key, 'answer', stringifyJson(reply))
    return reply
  }

  #find(key: string): Entry | undefined {
    const row = this.#deps.sql.all(
      'SELECT hash, generation, wrote, answer FROM idempotency WHERE key = ? AND created_at >= ?',
      key,
      this.#oldest,
    )[0]
    return (
      row && {
        hash: String(row.hash),
        generation: Number(row.generation),
        wrote: row.wrote === 1,
        answer: row.answer === null ? undefined : (parseJson(String(row.answer)) as Reply),
      }
    )
  }

  #insert(key: string, hash: string): Entry {
    // A key that is used anew after its day must not meet the messages of the first time.
    let generation = 0
    while (this.#deps.isCidTaken(keyedCid(key, hash, generation, 0))) generation += 1
    this.#deps.sql.all(
      'INSERT OR REPLACE INTO idempotency (key, hash, generation, created_at) VALUES (?, ?, ?, ?)',
      key,
      hash,
      generation,
      this.#deps.clock.now(),
    )
    return { hash, generation, wrote: false, answer: undefined }
  }

  #set(key: string, column: 'wrote' | 'answer', value: string | number): void {
    this.#deps.sql.all(`UPDATE idempotency SET ${column} = ? WHERE key = ?`, value, key)
  }
}

interface AttemptDeps {
  /** An earlier run under the key was cut off after it had changed something. */
  wroteBefore: boolean
  /** Writes the key down, if it is not; its generation. */
  open(): number
  cid(generation: number, index: number): number
  setWrote(wrote: boolean): void
}

/** One run under a key. */
export class Attempt {
  readonly #deps: AttemptDeps
  #generation: number | undefined
  #messages = 0
  #wrote: boolean

  constructor(deps: AttemptDeps) {
    this.#deps = deps
    this.#wrote = deps.wroteBefore
  }

  /** The key is on record: from here on a crash leaves a trace. */
  get isOpen(): boolean {
    return this.#generation !== undefined
  }
  get wrote(): boolean {
    return this.#wrote
  }

  /** Writes the key down: before anything leaves, and no sooner, so that a slip can be corrected. */
  open(): void {
    this.#generation ??= this.#deps.open()
  }

  /** The `cid` of the run's next message: the same again in a later run. */
  cid(): number {
    this.open()
    const index = this.#messages
    this.#messages += 1
    return this.#deps.cid(this.#generation ?? 0, index)
  }

  /**
   * Announces a change at MAX that must not be made twice.
   * @returns takes the announcement back, after MAX refused
   * @throws {GatewayError} OUTCOME_UNKNOWN when an earlier run was cut off after such a change
   */
  write(): () => void {
    this.open()
    if (this.#deps.wroteBefore) {
      throw new GatewayError('OUTCOME_UNKNOWN', 'an earlier request with this key was cut off')
    }
    if (this.#wrote) return () => {}
    this.#setWrote(true)
    return () => this.#setWrote(false)
  }

  #setWrote(wrote: boolean): void {
    this.#wrote = wrote
    this.#deps.setWrote(wrote)
  }
}

const isFinal = (error: unknown, attempt: Attempt): boolean => {
  const { code, maxError } = toErrorData(error)
  if (code === 'OUTCOME_UNKNOWN') return false
  return attempt.wrote || (maxError !== undefined && !errors[code].retry)
}

const hashOf = (request: readonly unknown[]): string =>
  createHash('sha256').update(stringifyWireJson(request)).digest('hex')

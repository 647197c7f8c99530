import { parseJson, stringifyJson } from '../schema/json.ts'
import type { TenantConfig } from '../schema/session-port.ts'
import type { TenantStorage } from '../schema/storage-settings.ts'
import type { WireMap } from '../schema/wire.ts'
import type { Logins } from './backoff.ts'
import type { CatchUpState } from './catch-up.ts'
import type { LogJournal } from './journal.ts'
import { LogTail, lastSequenceOf } from './log-tail.ts'
import type { OutageState } from './outage.ts'
import type { SyncMarkers } from './profile.ts'
import type { RetentionState } from './retention.ts'
import type { Sql, SqlRow } from './sql.ts'
import type { RemovalState } from './storage/removal.ts'

/** A row of the event log. `body` is what every reader gets, byte for byte. */
export interface LoggedEvent {
  sequence: number
  id: string
  type: string
  lane: number
  /** Chat it belongs to; `null` for events of the account or the gateway. */
  chatId: string | null
  createdAt: number
  body: string
}

/** All of a row of `events`. */
export interface EventRow extends LoggedEvent {
  /** An event with the same key is stored once. */
  dedupeKey: string | null
}

/** Everything in `meta`. */
export interface Meta {
  config: TenantConfig
  deviceId: string
  /** MAX login token, sealed. */
  token: string
  userId: number
  /** Own profile as MAX gave it last: `{contact, profileOptions}`. */
  profile: WireMap
  /** The account's settings (`config.user`). */
  settings: WireMap
  /** Settings of single chats by chat id (`config.chats`). */
  chatSettings: WireMap
  /** Whose presence is followed, and the last word on it, by user id. */
  following: Record<string, WireMap>
  /** Account whose messages wait to be sent. */
  sendsOf: number
  markers: SyncMarkers
  wanted: 'online' | 'offline'
  /** Why the session must not come back by itself. */
  stopped: { reason: string; action: string } | null
  logins: Logins
  /** How far events are complete. */
  catchUp: CatchUpState
  /** The event behind which the log tells how far the present account's chats are known. */
  marksAfter: number
  /** The present outage, while the session is offline against its will. */
  outage: OutageState
  /** The warning that the log is about to lose events that somebody needs. */
  retention: RetentionState
  /** Where received media are stored. */
  storage: TenantStorage
  /** The tenant is deleted, and its objects are not all gone yet. */
  removal: RemovalState
  /** RabbitMQ queue of this tenant; absent = the deployment's. */
  brokerQueue: string
}

/**
 * What one tenant's session remembers: the only place that speaks SQL. Everything is synchronous, so
 * a caller that does not await between two calls has them in one transaction of the object.
 */
export class Store {
  /** For the stores of other nouns, which keep tables of their own in the same database. */
  readonly sql: Sql
  /** What of the event log is in the journal alone; `undefined` without a journal. */
  readonly #tail: LogTail | undefined
  readonly #meta = new Map<string, unknown>()
  #lastSequence: number

  constructor(own: Sql, journal?: LogJournal) {
    this.#tail = journal && new LogTail(own, journal)
    const sql = this.#tail?.sql ?? own
    this.sql = sql
    for (const row of sql.all('SELECT key, value FROM meta')) {
      this.#meta.set(String(row.key), parseJson(String(row.value)))
    }
    this.#lastSequence = lastSequenceOf(sql)
  }

  get lastSequence(): number {
    return this.#lastSequence
  }

  /**
   * Resolves when every event is on disk, rejects when the journal does not write. `undefined` when the
   * object's own transaction has them all.
   */
  get stored(): Promise<void> | undefined {
    return this.#tail?.stored
  }

  /** Brings what is in the journal alone into the log's own table. */
  settle(): void {
    this.#tail?.settle()
  }

  /** Takes over what an earlier life left in the journal. */
  recover(): void {
    if (this.#tail === undefined) return
    this.#tail.recover()
    this.#lastSequence = lastSequenceOf(this.sql)
  }

  transaction<T>(work: () => T): T {
    return this.sql.transaction(work)
  }

  get<K extends keyof Meta>(key: K): Meta[K] | undefined {
    return this.#meta.get(key) as Meta[K] | undefined
  }

  set<K extends keyof Meta>(key: K, value: Meta[K]): void {
    this.sql.all(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      stringifyJson(value),
    )
    this.#meta.set(key, value)
  }

  delete(...keys: (keyof Meta)[]): void {
    for (const key of keys) {
      this.sql.all('DELETE FROM meta WHERE key = ?', key)
      this.#meta.delete(key)
    }
  }

  /** Empties every table but these. */
  empty(kept: readonly string[]): void {
    const tables = this.sql.all(
      `SELECT name FROM sqlite_master WHERE type = 'table'
         AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    for (const { name } of tables) {
      if (!kept.includes(String(name))) this.sql.all(`DELETE FROM "${name}"`)
    }
    this.#meta.clear()
  }

  /**
   * Appends an event, unless one with the same dedupe key is there.
   * @param render makes id and body for the sequence number that the event gets
   * @param isJournaled it may be in the journal alone for a while: `stored` tells when it is on disk
   * @returns the new event, or `undefined` for a repeated one
   */
  appendEvent(
    event: Pick<LoggedEvent, 'type' | 'lane' | 'createdAt'> & {
      chatId?: string
      dedupeKey?: string
    },
    render: (sequence: number) => Pick<LoggedEvent, 'id' | 'body'>,
    isJournaled = false,
  ): LoggedEvent | undefined {
    const { type, lane, createdAt, chatId = null, dedupeKey = null } = event
    const tail = isJournaled ? this.#tail : undefined
    if (tail !== undefined && dedupeKey !== null && tail.has(dedupeKey)) return undefined
    const sequence = this.#lastSequence + 1
    const row = { sequence, type, lane, chatId, createdAt, ...render(sequence) }
    if (tail !== undefined) {
      tail.add({ ...row, dedupeKey })
      this.#lastSequence = sequence
      return row
    }
    const inserted = this.sql.all(
      `INSERT INTO events (sequence, id, type, lane, chat_id, dedupe_key, created_at, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING sequence`,
      ...[sequence, row.id, type, lane, chatId, dedupeKey, createdAt, row.body],
    )
    if (inserted.length === 0) return undefined
    this.#lastSequence = sequence
    return row
  }

  /** Whether there is an event with a dedupe key. */
  hasEvent(dedupeKey: string): boolean {
    return this.sql.all('SELECT 1 FROM events WHERE dedupe_key = ?', dedupeKey).length > 0
  }

  /** Body of one event. */
  eventBody(sequence: number): string | undefined {
    const row = this.sql.all('SELECT body FROM events WHERE sequence = ?', sequence)[0]
    return row && String(row.body)
  }

  contacts(): WireMap[] {
    return this.sql
      .all('SELECT body FROM contacts ORDER BY id')
      .map((row) => parseJson(String(row.body)) as WireMap)
  }

  saveContact(id: string, contact: WireMap): void {
    this.sql.all(
      'INSERT INTO contacts (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
      id,
      stringifyJson(contact),
    )
  }

  hasContact(id: string): boolean {
    return this.sql.all('SELECT 1 FROM contacts WHERE id = ?', id).length > 0
  }

  deleteContact(id: string): void {
    this.sql.all('DELETE FROM contacts WHERE id = ?', id)
  }

  clearContacts(): void {
    this.sql.all('DELETE FROM contacts')
  }
}

/** A row of `events`. */
export const toEvent = (row: SqlRow): LoggedEvent => ({
  sequence: Number(row.sequence),
  id: String(row.id),
  type: String(row.type),
  lane: Number(row.lane),
  chatId: row.chat_id as string | null,
  createdAt: Number(row.created_at),
  body: String(row.body),
})

import { stringifyJson } from '../schema/json.ts'
import type { EventFacts } from './destination.ts'
import { sequenceInId } from './event-id.ts'
import type { LogPart } from './lane.ts'
import type { Sql, SqlRow } from './sql.ts'
import { type LoggedEvent, toEvent } from './store.ts'

export interface Cursor {
  lane: number
  /** Everything up to here is delivered, parked or not wanted. */
  sequence: number
  /** Failed attempts at the next event. */
  attempts: number
  /** Unix ms before which it must not be tried again; 0 = at once. */
  retryAt: number
}

/** What is known of a destination beside its places in the log. Times are Unix ms; 0 = never. */
export interface DestinationState {
  /** The address this is about: another one starts afresh. */
  url: string
  /** Failures in a row, over all lanes. Above 0 it gets one probe at a time. */
  failures: number
  pausedUntil: number
  /** Since when no attempt has succeeded. */
  failingSince: number
  lastSuccessAt: number
  lastError: string | null
  /** Why it is not to be tried again until somebody enables it. */
  disabled: string | null
}

/** An event that is sent outside of its place in the log: asked for again, or let pass by others. */
export interface Redelivery {
  sequence: number
  /** Failed attempts so far. */
  attempts: number
  retryAt: number
  replay: boolean
}

export interface AttemptRow {
  destination: string
  /** First and last event it carried. */
  sequence: number
  lastSequence: number
  events: number
  eventId: string
  type: string
  attempt: number
  at: number
  durationMs: number
  outcome: 'delivered' | 'failed' | 'parked' | 'gone'
  status: number | null
  error: string | null
  answer: string | null
  replay: boolean
}

/** Which attempts to list; newest first. */
export interface AttemptQuery {
  /** Ids below this one; absent: from the newest on. */
  before?: number
  limit: number
  outcomes?: readonly AttemptRow['outcome'][]
}

export interface ReplayQuery {
  /** Unix ms, both inclusive. */
  since: number
  until: number
  types?: readonly string[]
  onlyParked: boolean
}

/** Most attempts that are kept for one tenant. */
const ATTEMPTS_KEPT = 50_000

/** Where destinations have got to in the log, and what came of it. Synchronous, as `Store` is. */
export class DeliveryStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /**
   * Events of a lane behind a sequence, oldest first: as many as have no more than so many characters
   * together, and one at least, where there is one.
   */
  eventsAfter(
    lane: number,
    sequence: number,
    limit: number,
    maxChars = Number.POSITIVE_INFINITY,
  ): LogPart {
    const behind = 'FROM events WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT ?'
    const sizes = this.#sql.all(`SELECT length(body) AS size ${behind}`, lane, sequence, limit)
    let chars = 0
    const cut = sizes.findIndex(({ size }, index) => {
      chars += Number(size)
      return index > 0 && chars > maxChars
    })
    const count = cut === -1 ? sizes.length : cut
    const isEnd = count < limit && count === sizes.length
    if (count === 0) return { events: [], isEnd }
    const rows = this.#sql.all(`SELECT * ${behind}`, lane, sequence, count)
    return { events: rows.map(toEvent), isEnd }
  }

  /** Number of events of a lane behind a sequence. */
  countAfter(lane: number, sequence: number): number {
    const row = this.#sql.all(
      'SELECT count(*) AS n FROM events WHERE lane = ? AND sequence > ?',
      lane,
      sequence,
    )[0]
    return Number(row?.n)
  }

  event(sequence: number): LoggedEvent | undefined {
    return this.#sql.all('SELECT * FROM events WHERE sequence = ?', sequence).map(toEvent)[0]
  }

  /** Sequence of the event with an id; `undefined` when it is not in the log. */
  sequenceOf(eventId: string): number | undefined {
    const named = sequenceInId(eventId)
    if (named === undefined) return undefined
    const at = this.#sql.all('SELECT id FROM events WHERE sequence = ?', named)[0]
    if (at?.id === eventId) return named
    // An id of an older version names no sequence. It is asked for too seldom to keep an index.
    const row = this.#sql.all('SELECT sequence FROM events WHERE id = ?', eventId)[0]
    return row && Number(row.sequence)
  }

  /** Events from a first to a last one; what is not wanted is passed over when its turn comes. */
  sequencesBetween(first: number, last: number): number[] {
    return this.#sql
      .all(
        'SELECT sequence FROM events WHERE sequence BETWEEN ? AND ? ORDER BY sequence',
        first,
        last,
      )
      .map(({ sequence }) => Number(sequence))
  }

  cursors(destination: string): Cursor[] {
    return this.#sql
      .all(
        'SELECT lane, sequence, attempts, retry_at FROM cursors WHERE destination = ? ORDER BY lane',
        destination,
      )
      .map((row) => ({
        lane: Number(row.lane),
        sequence: Number(row.sequence),
        attempts: Number(row.attempts),
        retryAt: Number(row.retry_at),
      }))
  }

  saveCursor(destination: string, cursor: Cursor): void {
    this.#sql.all(
      `INSERT INTO cursors (destination, lane, sequence, attempts, retry_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (destination, lane) DO UPDATE
       SET sequence = excluded.sequence, attempts = excluded.attempts, retry_at = excluded.retry_at`,
      destination,
      cursor.lane,
      cursor.sequence,
      cursor.attempts,
      cursor.retryAt,
    )
  }

  state(destination: string): DestinationState | undefined {
    const row = this.#sql.all('SELECT * FROM destinations WHERE id = ?', destination)[0]
    return (
      row && {
        url: String(row.url),
        failures: Number(row.failures),
        pausedUntil: Number(row.paused_until),
        failingSince: Number(row.failing_since),
        lastSuccessAt: Number(row.last_success_at),
        lastError: row.last_error as string | null,
        disabled: row.disabled as string | null,
      }
    )
  }

  /** Those that are not to be tried, and why. */
  disabled(): { id: string; reason: string }[] {
    return this.#sql
      .all('SELECT id, disabled FROM destinations WHERE disabled IS NOT NULL ORDER BY id')
      .map((row) => ({ id: String(row.id), reason: String(row.disabled) }))
  }

  saveState(destination: string, state: DestinationState): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO destinations
         (id, url, failures, paused_until, failing_since, last_success_at, last_error, disabled)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      destination,
      state.url,
      state.failures,
      state.pausedUntil,
      state.failingSince,
      state.lastSuccessAt,
      state.lastError,
      state.disabled,
    )
  }

  /**
   * Forgets the places of all destinations but `active`, so that they hold no event back, and all
   * that is known of those that are not even `known`.
   */
  keep(active: string[], known: string[]): void {
    const forget = (table: string, column: string, ids: string[]) =>
      this.#sql.all(
        `DELETE FROM ${table} WHERE ${column} NOT IN (SELECT value FROM json_each(?))`,
        stringifyJson(ids),
      )
    forget('cursors', 'destination', active)
    forget('redeliveries', 'destination', active)
    forget('parked', 'destination', known)
    forget('destinations', 'id', known)
  }

  park(destination: string, sequence: number, error: string, at: number): void {
    this.#sql.all(
      `INSERT INTO parked (destination, sequence, error, parked_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (destination, sequence) DO UPDATE SET error = excluded.error`,
      destination,
      sequence,
      error,
      at,
    )
  }

  parkedCount(destination: string): number {
    const row = this.#sql.all(
      'SELECT count(*) AS n FROM parked WHERE destination = ?',
      destination,
    )[0]
    return Number(row?.n)
  }

  /** The due redelivery that comes first in the log. */
  nextRedelivery(destination: string, now: number): Redelivery | undefined {
    return this.#sql
      .all(
        `SELECT sequence, attempts, retry_at, replay FROM redeliveries
         WHERE destination = ? AND retry_at <= ? ORDER BY sequence LIMIT 1`,
        destination,
        now,
      )
      .map((row) => ({
        sequence: Number(row.sequence),
        attempts: Number(row.attempts),
        retryAt: Number(row.retry_at),
        replay: row.replay === 1,
      }))[0]
  }

  /** The first event that is asked for again. */
  firstRedelivery(destination: string): number | undefined {
    const [row] = this.#sql.all(
      'SELECT sequence FROM redeliveries WHERE destination = ? ORDER BY sequence LIMIT 1',
      destination,
    )
    return row && Number(row.sequence)
  }

  /** Forgets those up to an event; tells how many they were. */
  dropRedeliveries(destination: string, through: number): number {
    return this.#sql.all(
      'DELETE FROM redeliveries WHERE destination = ? AND sequence <= ? RETURNING sequence',
      destination,
      through,
    ).length
  }

  /** How many events of each kind a lane has behind one event, up to another. */
  kindsBetween(lane: number, after: number, through: number): (EventFacts & { count: number })[] {
    return this.#sql
      .all(
        `SELECT type, chat_id, count(*) AS n FROM events
         WHERE lane = ? AND sequence > ? AND sequence <= ? GROUP BY type, chat_id`,
        lane,
        after,
        through,
      )
      .map((row) => ({
        type: String(row.type),
        chatId: row.chat_id as string | null,
        count: Number(row.n),
      }))
  }

  /** How many redeliveries wait, and when the first becomes due. */
  redeliveries(destination: string): { count: number; dueAt: number } {
    const row = this.#sql.all(
      'SELECT count(*) AS n, coalesce(min(retry_at), 0) AS due FROM redeliveries WHERE destination = ?',
      destination,
    )[0]
    return { count: Number(row?.n), dueAt: Number(row?.due) }
  }

  putRedelivery(destination: string, redelivery: Redelivery): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO redeliveries (destination, sequence, attempts, retry_at, replay)
       VALUES (?, ?, ?, ?, ?)`,
      destination,
      redelivery.sequence,
      redelivery.attempts,
      redelivery.retryAt,
      redelivery.replay ? 1 : 0,
    )
  }

  dropRedelivery(destination: string, sequence: number): void {
    const key = [destination, sequence] as const
    this.#sql.all('DELETE FROM redeliveries WHERE destination = ? AND sequence = ?', ...key)
  }

  unpark(destination: string, sequence: number): void {
    const key = [destination, sequence] as const
    this.#sql.all('DELETE FROM parked WHERE destination = ? AND sequence = ?', ...key)
  }

  /** Asks for events again; those that wait already stay as they are. Tells how many were added. */
  replay(destination: string, query: ReplayQuery): number {
    const { count } = this.redeliveries(destination)
    const types = query.types === undefined ? null : stringifyJson(query.types)
    this.#sql.all(
      `INSERT INTO redeliveries (destination, sequence, attempts, retry_at, replay)
       SELECT ?, sequence, 0, 0, 1 FROM events
       WHERE created_at >= ? AND created_at <= ?
         AND (? IS NULL OR type IN (SELECT value FROM json_each(?)))
         AND (? = 0 OR sequence IN (SELECT sequence FROM parked WHERE destination = ?))
       ON CONFLICT DO NOTHING`,
      destination,
      query.since,
      query.until,
      types,
      types,
      query.onlyParked ? 1 : 0,
      destination,
    )
    return this.redeliveries(destination).count - count
  }

  /** One statement for all of them: they come in bursts. */
  addAttempts(rows: readonly AttemptRow[]): void {
    this.#sql.all(
      `INSERT INTO attempts (destination, sequence, last_sequence, events, event_id, type, attempt,
         at, duration_ms, outcome, status, error, answer, replay)
       SELECT value ->> 'destination', value ->> 'sequence', value ->> 'lastSequence',
         value ->> 'events', value ->> 'eventId', value ->> 'type', value ->> 'attempt',
         value ->> 'at', value ->> 'durationMs', value ->> 'outcome', value ->> 'status',
         value ->> 'error', value ->> 'answer', value ->> 'replay'
       FROM json_each(?)`,
      stringifyJson(rows),
    )
  }

  attempts(destination: string, query: AttemptQuery): (AttemptRow & { id: number })[] {
    const outcomes = query.outcomes === undefined ? null : stringifyJson(query.outcomes)
    return this.#sql
      .all(
        `SELECT * FROM attempts WHERE destination = ? AND id < ?
           AND (? IS NULL OR outcome IN (SELECT value FROM json_each(?)))
         ORDER BY id DESC LIMIT ?`,
        destination,
        query.before ?? Number.MAX_SAFE_INTEGER,
        outcomes,
        outcomes,
        query.limit,
      )
      .map(toAttempt)
  }

  attempt(destination: string, id: number): AttemptRow | undefined {
    return this.#sql
      .all('SELECT * FROM attempts WHERE destination = ? AND id = ?', destination, id)
      .map(toAttempt)[0]
  }

  /** Deletes attempts older than `before`, and the oldest of too many. */
  pruneAttempts(before: number): void {
    this.#sql.all('DELETE FROM attempts WHERE at < ?', before)
    this.#sql.all(
      'DELETE FROM attempts WHERE id <= (SELECT max(id) FROM attempts) - ?',
      ATTEMPTS_KEPT,
    )
  }
}

const toAttempt = (row: SqlRow): AttemptRow & { id: number } => ({
  id: Number(row.id),
  destination: String(row.destination),
  sequence: Number(row.sequence),
  lastSequence: Number(row.last_sequence),
  events: Number(row.events),
  eventId: String(row.event_id),
  type: String(row.type),
  attempt: Number(row.attempt),
  at: Number(row.at),
  durationMs: Number(row.duration_ms),
  outcome: row.outcome as AttemptRow['outcome'],
  status: row.status as number | null,
  error: row.error as string | null,
  answer: row.answer as string | null,
  replay: row.replay === 1,
})

import type { LogJournal } from './journal.ts'
import type { Sql } from './sql.ts'
import type { EventRow } from './store.ts'

/** Events and characters that may be in the journal alone. */
const MAX_EVENTS = 256
const MAX_CHARS = 1024 * 1024

/**
 * The end of a session's event log that is in the journal and not in its own database yet. Nobody can
 * tell: before any other statement runs, the tail is written. Rules JN in SPEC.md.
 */
export class LogTail {
  /** The session's database with the tail in it. */
  readonly sql: Sql
  readonly #own: Sql
  readonly #journal: LogJournal
  #rows: EventRow[] = []
  #chars = 0
  readonly #keys = new Set<string>()
  #lastStored: Promise<void> | undefined

  constructor(own: Sql, journal: LogJournal) {
    this.#own = own
    this.#journal = journal
    this.sql = {
      all: (statement, ...values) => {
        this.settle()
        return own.all(statement, ...values)
      },
      transaction: (work) => {
        // Before it begins: what it takes back must not take these along.
        this.settle()
        return own.transaction(work)
      },
    }
  }

  /** Resolves when all of the tail is on disk, rejects when the journal cannot; `undefined` while it is empty. */
  get stored(): Promise<void> | undefined {
    return this.#rows.length === 0 ? undefined : this.#lastStored
  }

  /** Whether the log has an event with this dedupe key. */
  has(dedupeKey: string): boolean {
    return (
      this.#keys.has(dedupeKey) ||
      this.#own.all('SELECT 1 FROM events WHERE dedupe_key = ?', dedupeKey).length > 0
    )
  }

  add(row: EventRow): void {
    this.#rows.push(row)
    this.#chars += row.body.length
    if (row.dedupeKey !== null) this.#keys.add(row.dedupeKey)
    this.#lastStored = this.#journal.append(row)
    // Whoever waits looks at it later; until then nobody else may call it unhandled.
    this.#lastStored.catch(() => {})
    if (this.#rows.length >= MAX_EVENTS || this.#chars >= MAX_CHARS) this.settle()
  }

  /** Writes the tail into the session's own database. */
  settle(): void {
    const last = this.#rows.at(-1)
    if (last === undefined) return
    insertEvents(this.#own, this.#rows)
    this.#rows = []
    this.#chars = 0
    this.#keys.clear()
    this.#journal.settle(last.sequence)
  }

  /** Takes over what an earlier life of the session left in the journal. */
  recover(): void {
    const rows = this.#journal.rows()
    const last = rows.at(-1)
    if (last === undefined) return
    recoverEvents(this.#own, rows)
    this.#journal.settle(last.sequence)
  }
}

/** The last number that a session's log has given. */
export const lastSequenceOf = (sql: Sql): number => {
  const [row] = sql.all(
    `SELECT max(coalesce((SELECT max(sequence) FROM events), 0),
                coalesce((SELECT max(sequence) FROM cursors), 0)) AS last`,
  )
  return Number(row?.last ?? 0)
}

/**
 * Writes what the journal has of a session into the session's own database, as far as it lacks it. Not
 * that of a tenant that is deleted: nothing may be left of it.
 */
export const recoverEvents = (sql: Sql, rows: readonly EventRow[]): void => {
  if (sql.all("SELECT 1 FROM meta WHERE key = 'config'").length === 0) return
  const last = lastSequenceOf(sql)
  insertEvents(
    sql,
    rows.filter(({ sequence }) => sequence > last),
  )
}

/** Writes events into a log, all of them or none. */
const insertEvents = (sql: Sql, rows: readonly EventRow[]): void =>
  sql.transaction(() => {
    for (const { sequence, id, type, lane, chatId, dedupeKey, createdAt, body } of rows) {
      sql.all(
        `INSERT INTO events (sequence, id, type, lane, chat_id, dedupe_key, created_at, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[sequence, id, type, lane, chatId, dedupeKey, createdAt, body],
      )
    }
  })

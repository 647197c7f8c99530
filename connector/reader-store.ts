import { stringifyJson } from '../schema/json.ts'
import type { StoredEvent } from '../schema/log-port.ts'
import type { Sql, SqlRow } from './sql.ts'

/** What a filter looks at, and what a page is measured by. */
export interface EventHead {
  sequence: number
  type: string
  chatId: string | null
  sizeBytes: number
}

/** A named reader. Times are Unix ms. */
export interface ReaderRow {
  name: string
  /** Everything up to here is dealt with. */
  sequence: number
  createdAt: number
  updatedAt: number
}

/** The event log as its readers see it, and their places. Synchronous, as `Store` is. */
export class ReaderStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** The oldest event; `undefined` while there was none. */
  oldest(): number | undefined {
    const oldest = this.#sql.all('SELECT min(sequence) AS oldest FROM events')[0]?.oldest
    return oldest == null ? undefined : Number(oldest)
  }

  /** Events behind a sequence without their bodies, oldest first. */
  heads(after: number, limit: number): EventHead[] {
    return this.#sql
      .all(
        `SELECT sequence, type, chat_id, length(CAST(body AS BLOB)) AS size_bytes FROM events
         WHERE sequence > ? ORDER BY sequence LIMIT ?`,
        after,
        limit,
      )
      .map((row) => ({
        sequence: Number(row.sequence),
        type: String(row.type),
        chatId: row.chat_id as string | null,
        sizeBytes: Number(row.size_bytes),
      }))
  }

  events(sequences: readonly number[]): StoredEvent[] {
    if (sequences.length === 0) return []
    return this.#sql
      .all(
        `SELECT sequence, type, body FROM events
         WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
        stringifyJson(sequences),
      )
      .map((row) => ({
        sequence: Number(row.sequence),
        type: String(row.type),
        body: String(row.body),
      }))
  }

  readers(): ReaderRow[] {
    return this.#sql.all('SELECT * FROM readers ORDER BY name').map(toReader)
  }

  reader(name: string): ReaderRow | undefined {
    return this.#sql.all('SELECT * FROM readers WHERE name = ?', name).map(toReader)[0]
  }

  addReader(name: string, sequence: number, now: number): void {
    this.#sql.all(
      'INSERT INTO readers (name, sequence, created_at, updated_at) VALUES (?, ?, ?, ?)',
      name,
      sequence,
      now,
      now,
    )
  }

  moveReader(name: string, sequence: number, now: number): void {
    this.#sql.all(
      'UPDATE readers SET sequence = ?, updated_at = ? WHERE name = ?',
      sequence,
      now,
      name,
    )
  }

  deleteReader(name: string): void {
    this.#sql.all('DELETE FROM readers WHERE name = ?', name)
  }
}

const toReader = (row: SqlRow): ReaderRow => ({
  name: String(row.name),
  sequence: Number(row.sequence),
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
})

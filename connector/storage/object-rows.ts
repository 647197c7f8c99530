import type { Sql, SqlRow, SqlValue } from '../sql.ts'

/** An object in a store, as its tenant's session remembers it. Times are Unix ms. */
export interface ObjectRow {
  /** Name of the store. */
  store: string
  key: string
  /** Bytes; `null` until all of it is stored. */
  size: number | null
  contentType: string
  fileName: string | null
  storedAt: number
  /** When its retention ends; `null` = never. */
  expiresAt: number | null
  /** When deleting it is tried next; `null` = never. */
  removeAt: number | null
  /** Failed deletions so far. */
  attempts: number
}

/** What a tenant has stored, wherever it lies: nothing is stored that is not written down here first. */
export class ObjectRows {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** Notes an object that is about to be stored, to be removed then unless it is finished. */
  begin(
    row: Pick<ObjectRow, 'store' | 'key' | 'contentType' | 'storedAt'>,
    removeAt: number,
  ): void {
    this.#sql.all(
      `INSERT INTO stored_objects (store, key, content_type, stored_at, remove_at)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (store, key) DO UPDATE SET
         remove_at = CASE WHEN size IS NULL THEN excluded.remove_at ELSE remove_at END`,
      row.store,
      row.key,
      row.contentType,
      row.storedAt,
      removeAt,
    )
  }

  /** Notes that all of it is stored. */
  finish(row: ObjectRow): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO stored_objects
         (store, key, size, content_type, file_name, stored_at, expires_at, remove_at, attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.store,
      row.key,
      row.size,
      row.contentType,
      row.fileName,
      row.storedAt,
      row.expiresAt,
      row.removeAt,
      row.attempts,
    )
  }

  /** An object that did not get stored, or not as a whole, goes then. */
  abandon(store: string, key: string, removeAt: number): void {
    this.#sql.all(
      'UPDATE stored_objects SET remove_at = ? WHERE store = ? AND key = ? AND size IS NULL',
      removeAt,
      store,
      key,
    )
  }

  /** What is stored under a key; where it is in two stores, the newer one. */
  find(key: string): ObjectRow | undefined {
    return this.#rows(
      `SELECT * FROM stored_objects WHERE key = ? AND size IS NOT NULL
       ORDER BY stored_at DESC LIMIT 1`,
      key,
    )[0]
  }

  /** When the next object has to go. */
  nextRemoval(): number | undefined {
    const row = this.#sql.all(
      'SELECT min(remove_at) AS at FROM stored_objects WHERE remove_at IS NOT NULL',
    )[0]
    return row?.at === null || row === undefined ? undefined : Number(row.at)
  }

  /** Objects that have to go by now; those that failed before come last. */
  due(now: number, limit: number): ObjectRow[] {
    return this.#rows(
      'SELECT * FROM stored_objects WHERE remove_at <= ? ORDER BY attempts, remove_at LIMIT ?',
      now,
      limit,
    )
  }

  /** All objects of a store, in pages. */
  inStore(store: string, limit: number): ObjectRow[] {
    return this.#rows('SELECT * FROM stored_objects WHERE store = ? LIMIT ?', store, limit)
  }

  /** Names of the stores that hold anything. */
  stores(): string[] {
    return this.#sql
      .all('SELECT DISTINCT store FROM stored_objects')
      .map(({ store }) => String(store))
  }

  forget(rows: readonly Pick<ObjectRow, 'store' | 'key'>[]): void {
    this.#sql.transaction(() => {
      for (const { store, key } of rows) {
        this.#sql.all('DELETE FROM stored_objects WHERE store = ? AND key = ?', store, key)
      }
    })
  }

  forgetStore(store: string): number {
    return this.#sql.all('DELETE FROM stored_objects WHERE store = ? RETURNING 1 AS one', store)
      .length
  }

  /** Objects that could not be deleted are tried again then. */
  postpone(rows: readonly Pick<ObjectRow, 'store' | 'key'>[], removeAt: number): void {
    this.#sql.transaction(() => {
      for (const { store, key } of rows) {
        this.#sql.all(
          `UPDATE stored_objects SET remove_at = ?, attempts = attempts + 1
           WHERE store = ? AND key = ?`,
          removeAt,
          store,
          key,
        )
      }
    })
  }

  /** A store that fails is left alone until then. */
  pause(store: string, now: number, until: number): void {
    this.#sql.all(
      'UPDATE stored_objects SET remove_at = ? WHERE store = ? AND remove_at <= ?',
      until,
      store,
      now,
    )
  }

  /** Everything that is stored is kept for so long from when it was stored; `undefined` = for ever. */
  redate(keptMs: number | undefined): void {
    this.#sql.all(
      `UPDATE stored_objects SET expires_at = stored_at + ?1, remove_at = stored_at + ?1, attempts = 0
       WHERE size IS NOT NULL`,
      keptMs ?? null,
    )
  }

  #rows(statement: string, ...values: SqlValue[]): ObjectRow[] {
    return this.#sql.all(statement, ...values).map(toRow)
  }
}

const toRow = (row: SqlRow): ObjectRow => ({
  store: String(row.store),
  key: String(row.key),
  size: row.size as number | null,
  contentType: String(row.content_type),
  fileName: row.file_name as string | null,
  storedAt: Number(row.stored_at),
  expiresAt: row.expires_at as number | null,
  removeAt: row.remove_at as number | null,
  attempts: Number(row.attempts),
})

/**
 * The little of SQLite that the store needs. A Durable Object's storage and `node:sqlite` both fit,
 * so the same store and the same contract suite run on either.
 */
export type SqlValue = string | number | null
export type SqlRow = Record<string, SqlValue>

export interface Sql {
  /** Runs one statement and returns all its rows. */
  all(statement: string, ...values: SqlValue[]): SqlRow[]
  /** Runs `work` so that all of it becomes durable, or none. Synchronous on purpose. */
  transaction<T>(work: () => T): T
}

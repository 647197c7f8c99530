import type { Client } from '@libsql/client/web'

/** One file of `schema/migrations`. */
export interface Migration {
  /** File name with its extension, as wrangler records it. */
  name: string
  sql: string
}

/** The two things a migrator asks of a database. */
export interface MigrationTarget {
  /** The first column of each row, as text. */
  readColumn(sql: string): Promise<string[]>
  /** Runs all statements or none. */
  runAtomically(statements: string[]): Promise<void>
}

/** The table that `wrangler d1 migrations` keeps, so that both tools see the same history. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/**
 * Brings a database up to date and returns the names of what it applied. Each migration is atomic
 * together with its record, so a failure leaves the database between two migrations, never in one.
 * @throws {Error} when the recorded history is not the beginning of `migrations`, in that order.
 */
export const migrate = async (
  migrations: readonly Migration[],
  target: MigrationTarget,
): Promise<string[]> => {
  await target.runAtomically([TABLE])
  const applied = await target.readColumn('SELECT name FROM d1_migrations ORDER BY id')
  for (const [index, name] of applied.entries()) {
    const expected = migrations[index]?.name
    if (name !== expected) {
      throw new Error(
        `The database has migration ${name} where this version has ${expected ?? 'none'}: ` +
          'it belongs to another version, or applied migrations were renamed or removed',
      )
    }
  }
  const pending = migrations.slice(applied.length)
  for (const { name, sql } of pending) {
    const record = `INSERT INTO d1_migrations (name) VALUES ('${name.replaceAll("'", "''")}')`
    await target.runAtomically([...statementsOf(sql), record])
  }
  return pending.map((migration) => migration.name)
}

/** drizzle-kit writes this mark between statements. */
const statementsOf = (sql: string): string[] =>
  sql
    .split('--> statement-breakpoint')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

/** D1, from a Worker or through Miniflare. */
export const d1Target = (database: D1Database): MigrationTarget => ({
  readColumn: async (sql) => {
    const rows = await database.prepare(sql).raw()
    return rows.map((row) => String(row[0]))
  },
  runAtomically: async (statements) => {
    await database.batch(statements.map((statement) => database.prepare(statement)))
  },
})

/** libSQL over HTTP. */
export const libsqlTarget = (client: Client): MigrationTarget => ({
  readColumn: async (sql) => {
    const { rows } = await client.execute(sql)
    return rows.map((row) => String(row[0]))
  },
  runAtomically: async (statements) => {
    await client.batch(statements, 'write')
  },
})

import type { DatabaseSync } from 'node:sqlite'
import type { Sql, SqlRow } from '../connector/sql.ts'

/** The store's SQLite port over Node's own SQLite. */
export const nodeSql = (database: DatabaseSync): Sql => {
  let depth = 0
  return {
    all: (statement, ...values) => database.prepare(statement).all(...values) as SqlRow[],
    transaction: (work) => {
      const name = `level${depth}`
      database.exec(`SAVEPOINT ${name}`)
      depth += 1
      try {
        const result = work()
        database.exec(`RELEASE ${name}`)
        return result
      } catch (error) {
        database.exec(`ROLLBACK TO ${name}`)
        database.exec(`RELEASE ${name}`)
        throw error
      } finally {
        depth -= 1
      }
    },
  }
}

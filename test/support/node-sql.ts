import { DatabaseSync } from 'node:sqlite'
import type { Sql, SqlRow } from '../../connector/sql.ts'

/** The store's SQLite port over Node's own SQLite; `file` persists like an object's storage does. */
export const nodeSql = (file = ':memory:'): Sql => {
  const db = new DatabaseSync(file)
  let depth = 0
  return {
    all: (statement, ...values) => db.prepare(statement).all(...values) as SqlRow[],
    transaction: (work) => {
      const name = `level${depth}`
      db.exec(`SAVEPOINT ${name}`)
      depth += 1
      try {
        const result = work()
        db.exec(`RELEASE ${name}`)
        return result
      } catch (error) {
        db.exec(`ROLLBACK TO ${name}`)
        db.exec(`RELEASE ${name}`)
        throw error
      } finally {
        depth -= 1
      }
    },
  }
}

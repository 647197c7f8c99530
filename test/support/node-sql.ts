import { DatabaseSync } from 'node:sqlite'
import type { Sql } from '../../connector/sql.ts'
import { nodeSql as sqlOf } from '../../host/node-sql.ts'

/** The store's SQLite port over Node's own SQLite; `file` persists like an object's storage does. */
export const nodeSql = (file = ':memory:'): Sql => sqlOf(new DatabaseSync(file))

import type { BatchItem, BatchResponse } from 'drizzle-orm/batch'
import { drizzle as overD1 } from 'drizzle-orm/d1'
import { drizzle as overLibsql } from 'drizzle-orm/libsql/web'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import * as tables from '../schema/tables.ts'

/**
 * What D1 and libSQL have in common. Atomic work is `batch()`: D1 refuses interactive transactions.
 * The raw result of a statement differs between the two and is `unknown`: use RETURNING.
 */
export type Db = Omit<BaseSQLiteDatabase<'async', unknown, typeof tables>, 'transaction'> & {
  batch<Item extends BatchItem<'sqlite'>, Items extends Readonly<[Item, ...Item[]]>>(
    items: Items,
  ): Promise<BatchResponse<Items>>
}

/** The database over a D1 binding. */
export const openD1 = (database: D1Database): Db =>
  overD1(database, { schema: tables }) as unknown as Db

/**
 * The database over libSQL's HTTP protocol. Opening does no I/O. A client must not outlive the
 * request it was made in: it queues calls internally, and the runtime forbids one request to wait
 * for what another one does.
 */
export const openLibsql = (connection: { url: string; authToken?: string }): Db =>
  overLibsql({ connection, schema: tables }) as unknown as Db

import { expect, it } from 'vitest'
import { nodeSql } from '../test/support/node-sql.ts'
import { KnownMessages } from './known-messages.ts'
import { migrate } from './migrations.ts'
import type { Sql } from './sql.ts'
import { Store } from './store.ts'

/** The tables as they were before the migration with a statement came. */
const migrateUntil = (sql: Sql, statement: string): void => {
  const older: Sql = {
    ...sql,
    all: (text, ...values) => {
      if (text === statement) throw new Error('not yet')
      return sql.all(text, ...values)
    },
  }
  expect(() => migrate(older)).toThrow('not yet')
}

it('[ST8] [CU9] an object of an older version knows its chats by what it stored, not by its log', () => {
  const sql = nodeSql()
  migrateUntil(sql, 'DROP INDEX events_id')
  sql.all("INSERT INTO chat_marks (chat_id, message_id) VALUES ('1', 117309440008060930)")
  sql.all(
    `INSERT INTO events (sequence, id, type, lane, chat_id, dedupe_key, created_at, body)
     VALUES (5, 'evt_1', 'Message', 0, '2', 'message:2:117309440008060931', 1, '{}')`,
  )
  migrate(sql)
  const known = new KnownMessages(new Store(sql))
  expect([known.mark('1'), known.mark('2')]).toEqual([117309440008060930n, 0xffffn])
})

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JournalBatch } from '../connector/journal.ts'
import { migrate } from '../connector/migrations.ts'
import { Store } from '../connector/store.ts'
import { tenant } from '../test/support/live.ts'
import { nodeSql } from './node-sql.ts'
import { sessionFolders } from './place-sessions.ts'
import { replayJournals } from './replay-journals.ts'

const keys = { session: 'maxapi-Session', journal: 'maxapi-Journal' }
const [ONE, OTHER] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'maxapi-replay-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (place: string, key: string, id: string): DatabaseSync => {
  mkdirSync(path.join(place, key), { recursive: true })
  const database = new DatabaseSync(path.join(place, key, `${id}.sqlite`))
  database.exec('PRAGMA journal_mode = WAL')
  return database
}

const render = (body: string) => (sequence: number) => ({ id: `${sequence}`, body })
const facts = { type: 'Message', lane: 0, createdAt: 1 }

/** A session with some events in its own database. */
const session = (place: string, id: string, bodies: string[], isDeleted = false): void => {
  const database = open(place, keys.session, id)
  const sql = nodeSql(database)
  migrate(sql)
  const store = new Store(sql)
  if (!isDeleted) store.set('config', tenant)
  for (const body of bodies) store.appendEvent(facts, render(body))
  database.close()
}

const entry = (id: string, sequence: number, body: string): JournalBatch['entries'][number] => {
  const row = { sequence, id: `${sequence}`, type: 'Message', lane: 0, chatId: null, createdAt: 1 }
  return { session: id, row: { ...row, dedupeKey: body, body } }
}

const journal = (place: string, batches: JournalBatch['entries'][]): void => {
  const database = open(place, keys.journal, 'c'.repeat(64))
  database.exec('CREATE TABLE batches (id INTEGER PRIMARY KEY, entries TEXT NOT NULL)')
  const insert = database.prepare('INSERT INTO batches (entries) VALUES (?)')
  for (const entries of batches) insert.run(JSON.stringify(entries))
  database.close()
}

const bodiesOf = (place: string, id: string): unknown[] => {
  const database = open(place, keys.session, id)
  const rows = database.prepare('SELECT body FROM events ORDER BY sequence').all()
  database.close()
  return rows.map(({ body }) => body)
}

describe('the journals of a data folder', () => {
  it('[JN8] go into the logs of their sessions, once, wherever those lie', () => {
    const [main] = sessionFolders(folder, 0) as [string]
    const [first, second] = sessionFolders(folder, 2) as [string, string]
    session(first, ONE, ['one 1', 'one 2'])
    session(main, OTHER, [])
    journal(second, [
      [entry(ONE, 2, 'one 2'), entry(OTHER, 1, 'other 1')],
      [entry(ONE, 3, 'one 3')],
    ])
    journal(main, [[entry(OTHER, 2, 'other 2')]])
    replayJournals(folder, keys)
    expect(bodiesOf(first, ONE)).toEqual(['one 1', 'one 2', 'one 3'])
    expect(bodiesOf(main, OTHER)).toEqual(['other 1', 'other 2'])
    expect(replayJournals(folder, keys)).toBe(0)
    expect(bodiesOf(first, ONE)).toHaveLength(3)
  })

  it('[JN7] give nothing to deleted tenants', () => {
    const [main] = sessionFolders(folder, 0) as [string]
    session(main, ONE, [], true)
    open(main, keys.session, OTHER).close()
    journal(main, [[entry(ONE, 1, 'one'), entry(OTHER, 1, 'two'), entry('d'.repeat(64), 1, 'x')]])
    replayJournals(folder, keys)
    expect(bodiesOf(main, ONE)).toEqual([])
    expect(replayJournals(folder, keys)).toBe(0)
  })

  it('may be missing', () => {
    expect(replayJournals(folder, keys)).toBe(0)
    const [main] = sessionFolders(folder, 0) as [string]
    open(main, keys.journal, 'c'.repeat(64)).close()
    expect(replayJournals(folder, keys)).toBe(0)
  })
})

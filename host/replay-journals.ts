import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JournalEntry } from '../connector/journal.ts'
import { recoverEvents } from '../connector/log-tail.ts'
import { nodeSql } from './node-sql.ts'
import { usedFolders } from './place-sessions.ts'

const DATABASE = /^[0-9a-f]{64}\.sqlite$/

/** Names of the classes' storage in each folder. */
export interface StorageKeys {
  session: string
  journal: string
}

/**
 * Brings what the journals have into the databases of the sessions, which may be about to move away from
 * theirs. Nothing may run. A crash in between does no harm: an event that is there is not written again.
 * @returns of how many sessions there was something
 */
export const replayJournals = (dataFolder: string, keys: StorageKeys): number => {
  const folders = usedFolders(dataFolder)
  const journals = folders.flatMap((folder) => databases(path.join(folder, keys.journal)))
  const entries = journals.flatMap(entriesOf)
  const bySession = Map.groupBy(entries, ({ session }) => session)
  for (const [session, theirs] of bySession) {
    const file = folders
      .map((folder) => path.join(folder, keys.session, `${session}.sqlite`))
      .find(existsSync)
    if (file !== undefined) replay(file, theirs)
  }
  for (const journal of journals) empty(journal)
  return bySession.size
}

const entriesOf = (journal: string): JournalEntry[] =>
  withDatabase(journal, (own) =>
    hasTable(own, 'batches')
      ? own
          .prepare('SELECT entries FROM batches ORDER BY id')
          .all()
          .flatMap((row) => JSON.parse(String(row.entries)) as JournalEntry[])
      : [],
  )

const empty = (journal: string): void =>
  withDatabase(journal, (own) => {
    if (hasTable(own, 'batches')) own.exec('DELETE FROM batches')
  })

const replay = (file: string, entries: readonly JournalEntry[]): void =>
  withDatabase(file, (own) => {
    const rows = entries.map(({ row }) => row).sort((a, b) => a.sequence - b.sequence)
    // That of a deleted tenant may have no tables any more.
    if (hasTable(own, 'meta')) recoverEvents(nodeSql(own), rows)
  })

const withDatabase = <T>(file: string, work: (own: DatabaseSync) => T): T => {
  const own = new DatabaseSync(file)
  try {
    return work(own)
  } finally {
    own.close()
  }
}

const databases = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => DATABASE.test(name))
        .map((name) => path.join(folder, name))
    : []

const hasTable = (database: DatabaseSync, name: string): boolean =>
  database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(name) !== undefined

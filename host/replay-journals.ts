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
  const sessions = new Set<string>()
  for (const journal of folders.flatMap((folder) => databases(path.join(folder, keys.journal)))) {
    const own = new DatabaseSync(journal)
    try {
      if (!hasTable(own, 'batches')) continue
      const batches = own.prepare('SELECT entries FROM batches ORDER BY id').all()
      const entries = batches.flatMap((row) => JSON.parse(String(row.entries)) as JournalEntry[])
      for (const [session, theirs] of Map.groupBy(entries, (entry) => entry.session)) {
        const file = folders
          .map((folder) => path.join(folder, keys.session, `${session}.sqlite`))
          .find(existsSync)
        if (file !== undefined) replay(file, theirs)
        sessions.add(session)
      }
      own.exec('DELETE FROM batches')
    } finally {
      own.close()
    }
  }
  return sessions.size
}

const replay = (file: string, entries: readonly JournalEntry[]): void => {
  const database = new DatabaseSync(file)
  try {
    // That of a deleted tenant may have no tables any more.
    if (!hasTable(database, 'meta')) return
    const rows = entries.map(({ row }) => row)
    recoverEvents(nodeSql(database), rows)
  } finally {
    database.close()
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

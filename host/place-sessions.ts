import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { placeOf } from '../schema/place.ts'
import { HostError } from './host-error.ts'

/** An object's database and what SQLite keeps beside it. */
const OBJECT_FILE = /^([0-9a-f]{64})\.sqlite(-wal|-shm)?$/
/** Where workerd keeps the alarms of a class's objects. */
const ALARMS_FILE = 'metadata.sqlite'

/**
 * Folders of the runtimes that have sessions, by number. Without session processes it is that of the
 * main process, which is also where sessions have always been.
 */
export const sessionFolders = (dataFolder: string, count: number): string[] =>
  count === 0
    ? [path.join(dataFolder, 'do')]
    : Array.from({ length: count }, (_, number) => path.join(dataFolder, 'sessions', `${number}`))

/**
 * Brings each session's files, and its alarm, to the folder of the process that will run it: their
 * number may be another one than last time. Nothing may run. A crash in between does no harm: every
 * file is looked at by itself, wherever it lies, each time.
 * @param key name of the class's storage in each folder
 * @returns how many files moved
 * @throws {HostError} when two folders have a file of the same session
 */
export const placeSessions = (dataFolder: string, key: string, count: number): number => {
  const targets = sessionFolders(dataFolder, count).map((folder) => path.join(folder, key))
  const targetOf = (id: string): string => targets[count === 0 ? 0 : placeOf(id, count)] ?? ''
  let moved = 0
  for (const folder of usedFolders(dataFolder).map((each) => path.join(each, key))) {
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder)) {
      const id = OBJECT_FILE.exec(name)?.[1]
      if (id === undefined || targetOf(id) === folder) continue
      const target = path.join(targetOf(id), name)
      if (existsSync(target)) {
        throw new HostError(`two files of one session: ${path.join(folder, name)} and ${target}`)
      }
      mkdirSync(targetOf(id), { recursive: true })
      renameSync(path.join(folder, name), target)
      moved += 1
    }
    placeAlarms(folder, targetOf)
  }
  return moved
}

/** Folders that have, or had, sessions. */
export const usedFolders = (dataFolder: string): string[] => {
  const parent = path.join(dataFolder, 'sessions')
  const numbered = existsSync(parent) ? readdirSync(parent) : []
  return [path.join(dataFolder, 'do'), ...numbered.map((name) => path.join(parent, name))]
}

const placeAlarms = (folder: string, targetOf: (id: string) => string): void => {
  const file = path.join(folder, ALARMS_FILE)
  if (!existsSync(file)) return
  const own = new DatabaseSync(file)
  try {
    const table = own.prepare("SELECT sql FROM sqlite_master WHERE name = '_cf_ALARM'").get()
    if (table === undefined) return
    const ids = own.prepare('SELECT actor_id AS id FROM _cf_ALARM').all() as { id: string }[]
    const leaving = Map.groupBy(
      ids.map(({ id }) => id).filter((id) => targetOf(id) !== folder),
      targetOf,
    )
    for (const [target, theirs] of leaving) {
      mkdirSync(target, { recursive: true })
      own.prepare('ATTACH ? AS target').run(path.join(target, ALARMS_FILE))
      const exists = own.prepare("SELECT 1 FROM target.sqlite_master WHERE name = '_cf_ALARM'")
      if (exists.get() === undefined) {
        own.exec(String(table.sql).replace('CREATE TABLE ', 'CREATE TABLE target.'))
      }
      const list = JSON.stringify(theirs)
      const these = 'WHERE actor_id IN (SELECT value FROM json_each(?))'
      // Two files are not one transaction; an alarm in both is moved again the next time.
      own
        .prepare(`INSERT OR REPLACE INTO target._cf_ALARM SELECT * FROM main._cf_ALARM ${these}`)
        .run(list)
      own.prepare(`DELETE FROM main._cf_ALARM ${these}`).run(list)
      own.exec('DETACH target')
    }
  } finally {
    own.close()
  }
}

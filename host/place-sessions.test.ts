import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { placeOf } from '../schema/place.ts'
import { placeSessions, sessionFolders } from './place-sessions.ts'

const KEY = 'maxapi-Session'
const SUFFIXES = ['', '-wal', '-shm']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'maxapi-place-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const folderOf = (id: string, count: number): string =>
  path.join(sessionFolders(folder, count)[count === 0 ? 0 : placeOf(id, count)] ?? '', KEY)

/** An object as workerd leaves it. */
const put = (id: string, at: string): void => {
  mkdirSync(at, { recursive: true })
  for (const suffix of SUFFIXES) writeFileSync(path.join(at, `${id}.sqlite${suffix}`), id + suffix)
}

const alarms = (at: string): DatabaseSync => {
  mkdirSync(at, { recursive: true })
  const database = new DatabaseSync(path.join(at, 'metadata.sqlite'))
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS _cf_ALARM (
      actor_id TEXT PRIMARY KEY,
      scheduled_time INTEGER,
      actor_name TEXT
    ) WITHOUT ROWID`)
  return database
}

const setAlarm = (id: string, time: number, at: string): void => {
  const database = alarms(at)
  database.prepare('INSERT INTO _cf_ALARM VALUES (?, ?, NULL)').run(id, time)
  database.close()
}

const alarmsIn = (at: string): Record<string, unknown> => {
  if (!existsSync(path.join(at, 'metadata.sqlite'))) return {}
  const database = alarms(at)
  const rows = database.prepare('SELECT actor_id, scheduled_time FROM _cf_ALARM').all()
  database.close()
  return Object.fromEntries(rows.map((row) => [row.actor_id, row.scheduled_time]))
}

const expectPlaced = (ids: string[], count: number): void => {
  for (const id of ids) {
    for (const suffix of SUFFIXES) {
      const file = path.join(folderOf(id, count), `${id}.sqlite${suffix}`)
      expect(readFileSync(file, 'utf8')).toBe(id + suffix)
    }
  }
}

const objectId = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))

describe('the sessions of a data folder', () => {
  it('follow the number of processes, each file and each alarm to where its session runs', () => {
    const ids = Array.from({ length: 20 }, (_, n) =>
      n.toString(16).padStart(8, '0').padEnd(64, 'a'),
    )
    for (const [n, id] of ids.entries()) {
      put(id, folderOf(id, 0))
      if (n % 2 === 0) setAlarm(id, 1_000 + n, folderOf(id, 0))
    }
    for (const count of [0, 2, 3, 1, 4, 0]) {
      placeSessions(folder, KEY, count)
      expectPlaced(ids, count)
      for (const [n, id] of ids.entries()) {
        const here = alarmsIn(folderOf(id, count))
        expect(here[id]).toBe(n % 2 === 0 ? 1_000 + n : undefined)
        // A stale one would wake an empty object in the wrong process.
        for (const other of [0, 1, 2, 3, 4].flatMap((each) => sessionFolders(folder, each))) {
          const at = path.join(other, KEY)
          if (at !== folderOf(id, count)) expect(alarmsIn(at)).not.toHaveProperty(id)
        }
      }
      expect(placeSessions(folder, KEY, count)).toBe(0)
    }
  })

  it('come together again wherever a crash or an earlier number left each file', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(objectId, fc.array(fc.nat(4), { minLength: 3, maxLength: 3 })), {
          selector: ([id]) => id,
          maxLength: 12,
        }),
        fc.nat(4),
        (objects, count) => {
          rmSync(folder, { recursive: true, force: true })
          for (const [id, places] of objects) {
            for (const [n, suffix] of SUFFIXES.entries()) {
              const at = folderOf(id, places[n] ?? 0)
              mkdirSync(at, { recursive: true })
              writeFileSync(path.join(at, `${id}.sqlite${suffix}`), id + suffix)
            }
          }
          placeSessions(folder, KEY, count)
          expectPlaced(
            objects.map(([id]) => id),
            count,
          )
        },
      ),
    )
  })

  it('are left alone when there are two of one: neither may be lost', () => {
    const id = 'b'.repeat(64)
    put(id, folderOf(id, 0))
    put(id, folderOf(id, 2))
    expect(() => placeSessions(folder, KEY, 2)).toThrow(/two files of one session/)
    expect(readdirSync(folderOf(id, 0))).toHaveLength(3)
    expect(readdirSync(folderOf(id, 2))).toHaveLength(3)
  })
})

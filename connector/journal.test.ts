import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../test/support/fake-clock.ts'
import { createJournalDisk, type WriteOutcome } from '../test/support/journal-disk.ts'
import { tenant } from '../test/support/live.ts'
import { nodeSql } from '../test/support/node-sql.ts'
import { SPACING_MS } from './journal.ts'
import { migrate } from './migrations.ts'
import type { Sql } from './sql.ts'
import { type LoggedEvent, Store } from './store.ts'

/** Sessions of one process, with databases and a journal that outlive it. */
const createWorld = (sessions = 2) => {
  const clock = new FakeClock()
  const disk = createJournalDisk(clock)
  const databases = Array.from({ length: sessions }, () => {
    const sql = nodeSql()
    migrate(sql)
    new Store(sql).set('config', tenant)
    return sql
  })
  const boot = () => {
    const process = disk.start()
    const stores = databases.map((sql, number) => {
      const store = new Store(sql, process.session(`session ${number}`))
      store.recover()
      return store
    })
    return { process, stores }
  }
  let life = boot()
  return {
    clock,
    disk,
    databases,
    get process() {
      return life.process
    },
    store: (number = 0): Store => life.stores[number] as Store,
    restart: () => {
      life.process.kill()
      life = boot()
    },
  }
}

let made = 0
const append = (store: Store, { dedupeKey = `key ${made++}`, isJournaled = true } = {}) =>
  store.appendEvent(
    { type: 'Message', lane: 0, createdAt: 1, dedupeKey },
    (sequence) => ({ id: `evt_${made++}`, body: `${sequence}: ${dedupeKey}` }),
    isJournaled,
  )
const bodies = (sql: Sql): string[] =>
  sql.all('SELECT body FROM events ORDER BY sequence').map(({ body }) => String(body))
const isDone = (promise: Promise<void> | undefined): Promise<boolean> =>
  Promise.race([
    promise?.then(() => true),
    new Promise<false>((resolve) => setImmediate(resolve, false)),
  ])
    // A race with `undefined` in it would be won by that.
    .then((done) => done === true)

describe('the journal', () => {
  it('[JN1] writes the events of one moment by one commit, and says so only then', async () => {
    const { clock, disk, store, databases } = createWorld()
    for (let n = 0; n < 10; n += 1) append(store(n % 2))
    const { stored } = store()
    expect(await isDone(stored)).toBe(false)
    await clock.advance(10)
    expect(await isDone(stored)).toBe(true)
    expect(disk.writes()).toBe(1)
    expect(databases.flatMap(bodies)).toEqual([])
  })

  it('[JN1] writes at once when it has rested, and then no more often than every few ms', async () => {
    const { clock, disk, store } = createWorld()
    for (let n = 0; n < 4 * SPACING_MS; n += 1) {
      append(store())
      await clock.advance(1)
    }
    expect(disk.writes()).toBeLessThanOrEqual(5)
    await clock.advance(100)
    const before = disk.writes()
    append(store())
    await clock.advance(1)
    expect(disk.writes()).toBe(before + 1)
  })

  it('[JN2] is not to be told from the log: every statement finds its events', () => {
    const { store, databases } = createWorld()
    const [sql] = databases as [Sql]
    append(store(), { dedupeKey: 'a' })
    append(store(), { dedupeKey: 'a' })
    expect(bodies(sql)).toEqual([])
    expect(store().lastSequence).toBe(1)
    expect(store().eventBody(1)).toBe('1: a')
    append(store(), { dedupeKey: 'b' })
    expect(append(store(), { dedupeKey: 'a' })).toBeUndefined()
    expect(append(store(), { dedupeKey: 'b', isJournaled: false })).toBeUndefined()
    append(store(), { dedupeKey: 'c', isJournaled: false })
    expect(bodies(sql)).toEqual(['1: a', '2: b', '3: c'])
  })

  it('[JN2] a transaction that is taken back leaves its events alone', () => {
    const { store, databases } = createWorld()
    append(store(), { dedupeKey: 'a' })
    const fails = () =>
      store().transaction(() => {
        store().set('deviceId', 'x')
        throw new Error('no')
      })
    expect(fails).toThrow('no')
    expect(databases.flatMap(bodies)).toEqual(['1: a'])
  })

  it('[JN4] that cannot write lets the session do it', async () => {
    const { clock, process, store, databases, restart } = createWorld()
    process.outcome = 'refused'
    append(store(), { dedupeKey: 'a' })
    const { stored } = store()
    await clock.advance(10)
    await expect(stored).rejects.toThrow('the disk is full')
    store().settle()
    restart()
    expect(databases.flatMap(bodies)).toEqual(['1: a'])
    expect(store().lastSequence).toBe(1)
  })

  it.each([
    'refused',
    'cut off',
  ] as const)('[JN4] whose write was %s leaves no gap before what it writes next', async (outcome) => {
    const { clock, process, store, databases, restart } = createWorld()
    process.outcome = outcome
    append(store(), { dedupeKey: 'a' })
    await clock.advance(1)
    process.outcome = 'written'
    append(store(), { dedupeKey: 'b' })
    await clock.advance(3 * SPACING_MS)
    restart()
    expect(databases.flatMap(bodies)).toEqual(['1: a', '2: b'])
  })

  it('[JN4] that hangs does not keep an event that the session has on disk', async () => {
    const { store } = createWorld()
    append(store())
    const { stored } = store()
    store().settle()
    expect(await isDone(stored)).toBe(true)
  })

  it('[JN5] forgets what the sessions have on disk themselves', async () => {
    const { clock, disk, store } = createWorld()
    for (let n = 0; n < 20; n += 1) {
      append(store(n % 2))
      await clock.advance(10)
    }
    expect(disk.size()).toBeGreaterThan(10)
    store(0).settle()
    await clock.advance(3_000)
    expect(disk.size()).toBeGreaterThan(5)
    store(1).settle()
    await clock.advance(3_000)
    expect(disk.size()).toBe(0)
  })

  it('[JN5] holds 256 events of a session at most', () => {
    const { store, databases } = createWorld()
    for (let n = 0; n < 300; n += 1) append(store())
    expect(bodies(databases[0] as Sql)).toHaveLength(256)
  })

  it('[JN7] gives nothing to a tenant that is deleted', async () => {
    const { clock, disk, store, databases, restart } = createWorld(1)
    append(store())
    await clock.advance(1)
    const [sql] = databases as [Sql]
    sql.all('DELETE FROM meta')
    restart()
    expect(bodies(sql)).toEqual([])
    await clock.advance(3_000)
    expect(disk.size()).toBe(0)
  })

  it('[JN3] loses and changes nothing that was said to be on disk, whatever happens', async () => {
    const session = fc.nat({ max: 1 })
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ append: session, isJournaled: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ advance: fc.constantFrom(1, 3, 1_000, 5_000) }) },
      { weight: 2, arbitrary: fc.record({ settle: session }) },
      { weight: 1, arbitrary: fc.record({ trim: session }) },
      {
        weight: 1,
        arbitrary: fc.record({
          outcome: fc.constantFrom<WriteOutcome[]>('written', 'refused', 'unsure', 'cut off'),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ restart: true }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = createWorld()
        const promised: { session: number; event: LoggedEvent }[] = []
        for (const each of steps) {
          if ('append' in each) {
            const store = world.store(each.append)
            const event = append(store, each) as LoggedEvent
            const promise = { session: each.append, event }
            if (store.stored === undefined) promised.push(promise)
            else store.stored.then(() => promised.push(promise)).catch(() => {})
          } else if ('advance' in each) await world.clock.advance(each.advance)
          else if ('settle' in each) world.store(each.settle).settle()
          else if ('outcome' in each) world.process.outcome = each.outcome
          else if ('restart' in each) world.restart()
          else {
            // What retention does: the newest event stays.
            const { sql, lastSequence } = world.store(each.trim)
            sql.all('DELETE FROM events WHERE sequence < ?', lastSequence)
          }
        }
        await world.clock.advance(0)
        world.restart()
        for (const [number, sql] of world.databases.entries()) {
          const rows = sql.all('SELECT sequence, id, body FROM events ORDER BY sequence')
          const found = new Map(rows.map((row) => [row.sequence, row]))
          const oldest = Number(rows[0]?.sequence ?? 0)
          for (const { session: owner, event } of promised) {
            if (owner !== number || event.sequence < oldest) continue
            const { sequence, id, body } = event
            expect({ ...found.get(sequence) }).toEqual({ sequence, id, body })
          }
          // No gaps, and nothing of the other one.
          expect(rows.map((row) => Number(row.sequence))).toEqual(rows.map((_, n) => oldest + n))
        }
        for (const number of [0, 1]) world.store(number).settle()
        await world.clock.advance(5_000)
        expect(world.disk.size()).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

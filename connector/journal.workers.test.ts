/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import type { JournalEntry } from './journal.ts'
import { type Journal, journalOf, openJournal } from './journal-object.ts'
import { objectSql, type Session } from './session.ts'
import { Store } from './store.ts'

const { SESSION, TEST_JOURNAL } = env as unknown as {
  SESSION: DurableObjectNamespace<Session>
  TEST_JOURNAL: DurableObjectNamespace<Journal>
}

const config = {
  id: 'tenant',
  name: 'Test',
  generation: 1,
  updatedAt: 1,
  sandbox: true,
  webhook: '',
  events: ['All'],
}

/** Runs inside of a session's object, with a store of its own over the object's database. */
const inSession = <T>(name: string, work: (store: Store, state: DurableObjectState) => T) =>
  runInDurableObject(SESSION.getByName(name), async (_session, state) => {
    const journal = journalOf({ JOURNAL: TEST_JOURNAL }, state, systemClock)
    await openJournal({ JOURNAL: TEST_JOURNAL })
    const store = new Store(objectSql(state.storage), journal)
    if (store.get('config') === undefined) store.set('config', config)
    store.recover()
    return work(store, state)
  })

const append = (store: Store, body: string) =>
  store.appendEvent({ type: 'Message', lane: 0, createdAt: 1 }, () => ({ id: body, body }), true)

/** What is in the journal's database, by batch. */
const batches = () =>
  runInDurableObject(TEST_JOURNAL.getByName('journal'), (_journal, state) =>
    state.storage.sql
      .exec('SELECT entries FROM batches ORDER BY id')
      .toArray()
      .map(({ entries }) =>
        (JSON.parse(String(entries)) as JournalEntry[]).map(({ row }) => row.body),
      ),
  )

const own = (_store: Store, { storage }: DurableObjectState) =>
  storage.sql
    .exec('SELECT body FROM events ORDER BY sequence')
    .toArray()
    .map(({ body }) => body)

/** Appends an event and waits until it is on disk: out here, since the tests' runtime goes on in the object that tells. */
const appended = async (name: string, body: string): Promise<void> => {
  const { stored } = await inSession(name, (store) => {
    append(store, body)
    return { stored: store.stored }
  })
  expect(stored).toBeDefined()
  await stored
}

describe('the journal of a process, on workerd', () => {
  let names: [string, string]
  beforeEach(() => {
    names = [crypto.randomUUID(), crypto.randomUUID()]
  })

  it('[JN1] tells each session when its event is on disk', async () => {
    await Promise.all(names.map((name) => appended(name, name)))
    expect((await batches()).flat()).toEqual(expect.arrayContaining(names))
  })

  it('[JN3] gives a session back what it had, when its object has lost its memory', async () => {
    const [name] = names
    await appended(name, 'first')
    await inSession(name, (store) => {
      append(store, 'second')
    })
    await abortAllDurableObjects()
    expect(await inSession(name, own)).toEqual(['first', 'second'])
  })

  it('[JN5] forgets what the session has on disk itself', async () => {
    const [name, other] = names
    await appended(name, name)
    // Whoever opens the log takes its events over.
    expect(await inSession(name, own)).toEqual([name])
    // Whoever writes next takes along what is to be deleted.
    await appended(other, other)
    const left = (await batches()).flat()
    expect(left).not.toContain(name)
    expect(left).toContain(other)
  })

  it('[JN7] has nothing of a session that is told to forget', async () => {
    const [name] = names
    await appended(name, name)
    await inSession(name, (_store, state) =>
      journalOf({ JOURNAL: TEST_JOURNAL }, state, systemClock)?.forget(),
    )
    expect((await batches()).flat()).not.toContain(name)
  })
})

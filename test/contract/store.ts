import { describe, expect, it } from 'vitest'
import { migrate } from '../../connector/migrations.ts'
import type { Sql } from '../../connector/sql.ts'
import { Store } from '../../connector/store.ts'

/** What any SQLite under the store must do. `open` gives a fresh database each time. */
export const storeContract = (name: string, run: (test: (sql: Sql) => void) => Promise<void>) => {
  const event = (type: string, dedupeKey?: string) => ({
    id: `evt_${type}`,
    type,
    lane: 1,
    createdAt: 1_000,
    ...(dedupeKey === undefined ? {} : { dedupeKey }),
  })
  const withStore = (test: (store: Store, sql: Sql) => void) =>
    run((sql) => {
      migrate(sql)
      test(new Store(sql), sql)
    })

  describe(`store over ${name}`, () => {
    it('[ST1] numbers events without gaps and finds them after a restart', () =>
      withStore((store, sql) => {
        for (const type of ['A', 'B', 'C']) {
          store.appendEvent(event(type), (sequence) => `{"sequence":${sequence}}`)
        }
        expect(
          store.eventsAfter(1, 1, 10).map((row) => [row.sequence, row.type, row.body]),
        ).toEqual([
          [2, 'B', '{"sequence":2}'],
          [3, 'C', '{"sequence":3}'],
        ])
        expect(store.eventsAfter(0, 0, 10)).toEqual([])
        expect(new Store(sql).lastSequence).toBe(3)
      }))

    it('[ST1] an event keeps the chat it belongs to', () =>
      withStore((store) => {
        store.appendEvent({ ...event('A'), chatId: '-70' }, () => '{}')
        store.appendEvent(event('B'), () => '{}')
        expect(store.eventsAfter(1, 0, 10).map(({ chatId }) => chatId)).toEqual(['-70', null])
      }))

    it('[ST2] a repeated event is stored once and uses up no number', () =>
      withStore((store) => {
        expect(store.appendEvent(event('A', 'k'), () => 'first')?.sequence).toBe(1)
        expect(store.appendEvent(event('A', 'k'), () => 'again')).toBeUndefined()
        expect(store.appendEvent(event('B', 'l'), () => 'next')?.sequence).toBe(2)
        expect(store.countAfter(1, 0)).toBe(2)
      }))

    it('[ST3] a thrown callback leaves nothing behind', () =>
      withStore((store, sql) => {
        expect(() =>
          store.transaction(() => {
            store.insertSend({
              cid: 1,
              state: 'sending',
              createdAt: 1,
              request: '{}',
              idempotencyKey: null,
            })
            throw new Error('boom')
          }),
        ).toThrow('boom')
        expect(new Store(sql).openSends()).toEqual([])
      }))

    it('[ST4] retention keeps what a cursor still needs, and the newest number', () =>
      withStore((store, sql) => {
        for (const type of ['A', 'B', 'C']) store.appendEvent(event(type), () => type)
        store.saveCursor('webhook', { lane: 1, sequence: 1, attempts: 0, retryAt: 0 })
        store.pruneEvents(5_000)
        expect(store.eventsAfter(1, 0, 10).map((row) => row.type)).toEqual(['B', 'C'])
        store.saveCursor('webhook', { lane: 1, sequence: 3, attempts: 0, retryAt: 0 })
        store.pruneEvents(5_000)
        expect(store.eventsAfter(1, 0, 10).map((row) => row.type)).toEqual(['C'])
        expect(new Store(sql).lastSequence).toBe(3)
      }))

    it('[ST5] remembers settings and sends over a restart', () =>
      withStore((store, sql) => {
        store.set('userId', 42)
        store.set('wanted', 'online')
        store.delete('wanted')
        const send = { createdAt: 5, request: '{"a":1}', idempotencyKey: null }
        store.insertSend({ ...send, cid: 7, state: 'sending', idempotencyKey: 'key' })
        store.insertSend({ ...send, cid: 8, state: 'sending' })
        store.updateSend({
          cid: 8,
          state: 'sent',
          chatId: '-5',
          messageId: '117309440008060929',
          error: null,
        })
        const again = new Store(sql)
        expect(again.get('userId')).toBe(42)
        expect(again.get('wanted')).toBeUndefined()
        expect(again.openSends().map((row) => row.cid)).toEqual([7])
        expect(again.sendByKey('key')).toMatchObject({ cid: 7, state: 'sending' })
        expect(again.lastCid()).toBe(8)
        again.pruneSends(10)
        expect(again.lastCid()).toBe(7)
      }))

    it('[ST6] an idempotency key belongs to one send', () =>
      withStore((store) => {
        const send = { state: 'sending', createdAt: 1, request: '{}', idempotencyKey: 'k' } as const
        store.insertSend({ ...send, cid: 1 })
        expect(() => store.insertSend({ ...send, cid: 2 })).toThrow()
      }))

    it('[ST7] forgets the places of destinations that are gone', () =>
      withStore((store) => {
        store.saveCursor('webhook', { lane: 0, sequence: 4, attempts: 1, retryAt: 0 })
        store.saveCursor('global', { lane: 0, sequence: 9, attempts: 0, retryAt: 0 })
        store.keepCursors(['global'])
        expect(store.cursors('webhook')).toEqual([])
        expect(store.cursors('global')).toEqual([{ lane: 0, sequence: 9, attempts: 0, retryAt: 0 }])
      }))

    it('[ST8] migrating again changes nothing; data of a newer version is refused', () =>
      withStore((_store, sql) => {
        migrate(sql)
        sql.all('INSERT INTO migrations (version) VALUES (999)')
        expect(() => migrate(sql)).toThrow(/newer version/)
      }))
  })
}

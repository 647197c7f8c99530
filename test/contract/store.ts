import { describe, expect, it } from 'vitest'
import { FIRST_KEYED_CID } from '../../connector/cid.ts'
import { DeliveryStore } from '../../connector/delivery-store.ts'
import { newEventId } from '../../connector/event-id.ts'
import { migrate } from '../../connector/migrations.ts'
import { SendStore } from '../../connector/send-store.ts'
import type { Sql } from '../../connector/sql.ts'
import { Store } from '../../connector/store.ts'
import type { SendState } from '../../schema/sends-port.ts'

/** What any SQLite under the store must do. `open` gives a fresh database each time. */
export const storeContract = (name: string, run: (test: (sql: Sql) => void) => Promise<void>) => {
  const event = (type: string, dedupeKey?: string) => ({
    type,
    lane: 1,
    createdAt: 1_000,
    ...(dedupeKey === undefined ? {} : { dedupeKey }),
  })
  const rendered = (body: string) => (sequence: number) => ({ id: newEventId(sequence), body })
  const withStore = (test: (store: Store, sql: Sql, delivery: DeliveryStore) => void) =>
    run((sql) => {
      migrate(sql)
      test(new Store(sql), sql, new DeliveryStore(sql))
    })

  describe(`store over ${name}`, () => {
    it('[ST1] numbers events without gaps and finds them after a restart', () =>
      withStore((store, sql, delivery) => {
        for (const type of ['A', 'B', 'C']) {
          store.appendEvent(event(type), (sequence) => ({
            id: newEventId(sequence),
            body: `{"sequence":${sequence}}`,
          }))
        }
        expect(
          delivery.eventsAfter(1, 1, 10).events.map((row) => [row.sequence, row.type, row.body]),
        ).toEqual([
          [2, 'B', '{"sequence":2}'],
          [3, 'C', '{"sequence":3}'],
        ])
        expect(delivery.eventsAfter(0, 0, 10)).toEqual({ events: [], isEnd: true })
        expect(new Store(sql).lastSequence).toBe(3)
      }))

    it('[ST1] an event keeps the chat it belongs to', () =>
      withStore((store, _sql, delivery) => {
        store.appendEvent({ ...event('A'), chatId: '-70' }, rendered('{}'))
        store.appendEvent(event('B'), rendered('{}'))
        expect(delivery.eventsAfter(1, 0, 10).events.map(({ chatId }) => chatId)).toEqual([
          '-70',
          null,
        ])
      }))

    it('[ST2] a repeated event is stored once and uses up no number', () =>
      withStore((store, _sql, delivery) => {
        expect(store.appendEvent(event('A', 'k'), rendered('first'))?.sequence).toBe(1)
        expect(store.appendEvent(event('A', 'k'), rendered('again'))).toBeUndefined()
        expect(store.appendEvent(event('B', 'l'), rendered('next'))?.sequence).toBe(2)
        expect(delivery.countAfter(1, 0)).toBe(2)
      }))

    it('[ST9] finds an event by its id, one that an older version made too', () =>
      withStore((store, _sql, delivery) => {
        const append = (id?: string) =>
          store.appendEvent(event('A'), (sequence) => ({
            id: id ?? newEventId(sequence),
            body: '',
          }))
        const old = 'evt_000000000001f9e4eb0ce1a2cbf8a52b'
        const ids = [undefined, old, undefined].map((id) => append(id)?.id ?? '')
        expect(ids.map((id) => delivery.sequenceOf(id))).toEqual([1, 2, 3])
        expect(delivery.sequenceOf(newEventId(2))).toBeUndefined()
        expect(delivery.sequenceOf('evt_unknown')).toBeUndefined()
      }))

    it('[ST3] a thrown callback leaves nothing behind', () =>
      withStore((store, sql) => {
        expect(() =>
          store.transaction(() => {
            store.set('userId', 42)
            throw new Error('boom')
          }),
        ).toThrow('boom')
        expect(new Store(sql).get('userId')).toBeUndefined()
      }))

    it('[ST5] remembers settings over a restart', () =>
      withStore((store, sql) => {
        store.set('userId', 42)
        store.set('wanted', 'online')
        store.delete('wanted')
        const again = new Store(sql)
        expect(again.get('userId')).toBe(42)
        expect(again.get('wanted')).toBeUndefined()
      }))

    it('[ST6] finds sends by their cid, their message and their state', () =>
      withStore((_store, sql) => {
        const sends = new SendStore(sql)
        const base = { request: '{}', chatId: '-5', sendAt: null, expiresAt: 99, attemptedAt: null }
        const send = (cid: number, state: SendState, at: number) =>
          sends.insert({ ...base, cid, state, createdAt: at, updatedAt: at })
        send(7, 'sending', 1)
        send(8, 'queued', 2)
        send(FIRST_KEYED_CID + 5, 'queued', 3)
        expect(sends.lastCid()).toBe(8)
        const sent = { state: 'sent', messageId: '117309440008060929', messageTime: 30 } as const
        sends.update({ cid: 8, updatedAt: 4, ...sent })
        expect(sends.open().map(({ cid }) => cid)).toEqual([7, FIRST_KEYED_CID + 5])
        expect(sends.find(8)).toMatchObject({ ...sent, createdAt: 2, updatedAt: 4, expiresAt: 99 })
        expect(sends.findByMessageId(sent.messageId, '-5')?.cid).toBe(8)
        expect(sends.findByMessageId(sent.messageId, '6')).toBeUndefined()
        expect(sends.unreadUpTo('-5', 29)).toEqual([])
        expect(sends.unreadUpTo('-5', 30).map(({ cid }) => cid)).toEqual([8])
        const newest = sends.page(undefined, undefined, 2)
        expect(newest.map(({ cid }) => cid)).toEqual([FIRST_KEYED_CID + 5, 8])
        expect(sends.page(undefined, newest[1], 2).map(({ cid }) => cid)).toEqual([7])
        expect(sends.page('sending', undefined, 2).map(({ cid }) => cid)).toEqual([7])
        sends.prune(5)
        expect(sends.page(undefined, undefined, 9).map(({ cid }) => cid)).toEqual([
          FIRST_KEYED_CID + 5,
          7,
        ])
      }))

    it('[ST7] forgets the places of destinations that are gone', () =>
      withStore((_store, _sql, delivery) => {
        delivery.saveCursor('webhook', { lane: 0, sequence: 4, attempts: 1, retryAt: 0 })
        delivery.saveCursor('global', { lane: 0, sequence: 9, attempts: 0, retryAt: 0 })
        delivery.keep(['global'], ['global'])
        expect(delivery.cursors('webhook')).toEqual([])
        expect(delivery.cursors('global')).toEqual([
          { lane: 0, sequence: 9, attempts: 0, retryAt: 0 },
        ])
      }))

    it('[ST8] migrating again changes nothing; data of a newer version is refused', () =>
      withStore((_store, sql) => {
        migrate(sql)
        sql.all('INSERT INTO migrations (version) VALUES (999)')
        expect(() => migrate(sql)).toThrow(/newer version/)
      }))
  })
}

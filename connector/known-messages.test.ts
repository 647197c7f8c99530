import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import type { WireMap } from '../schema/wire.ts'
import { FakeClock } from '../test/support/fake-clock.ts'
import { nodeSql } from '../test/support/node-sql.ts'
import { EventLog } from './event-log.ts'
import { KnownMessages } from './known-messages.ts'
import { LogSize } from './log-size.ts'
import { migrate } from './migrations.ts'
import { Store } from './store.ts'

const ME = 120000017
/** `cid` of a message that this gateway sent. */
const OWN_CID = 1790000000001
const FIRST_ID = 117309440008060930n
/** What a chat is known up to when nothing is known of it. */
const NOTHING = 0xffffn

/** An event log that can be lost and opened again, and what retention does to it. */
const create = () => {
  const sql = nodeSql()
  migrate(sql)
  new Store(sql).set('userId', ME)
  sql.all(
    `INSERT INTO sends (cid, state, created_at, request) VALUES (${OWN_CID}, 'sending', 1, '{}')`,
  )
  const open = () => {
    const store = new Store(sql)
    const known = new KnownMessages(store)
    const size = new LogSize(sql, store.lastSequence)
    const clock = new FakeClock()
    const log = new EventLog({ store, known, clock, onAppended: (event) => size.appended(event) })
    return { store, known, size, log }
  }
  let life = open()
  return {
    sql,
    mark: (chatId: number) => life.known.mark(String(chatId)),
    storedMarks: () => sql.all('SELECT chat_id FROM chat_marks'),
    push: (chatId: number, id: bigint, fields: WireMap = {}) => {
      const message = { id, time: 1790000000123, sender: 240000035, text: 'Hi', attaches: [] }
      const payload = { chatId, message: { ...message, ...fields } }
      life.log.push({ opcode: Opcode.NOTIF_MESSAGE, payload })
    },
    own: () => life.log.own('Connected'),
    restart: () => {
      life = open()
    },
    /** Deletes a share of the events; the newest one stays, as always. */
    retain: (share: number) => {
      const through = Math.floor((life.store.lastSequence - 1) * share)
      life.known.keepMarks(through)
      life.size.deleteThrough(through)
    },
    changeAccount: () => life.known.clear(),
  }
}

describe('the mark of a chat', () => {
  it('[CU9] is its newest logged message, and nothing else is written for it', () => {
    const { push, mark, storedMarks, restart } = create()
    push(-70, FIRST_ID + 1n)
    push(-70, FIRST_ID)
    push(-7, FIRST_ID + 2n)
    expect([mark(-70), mark(-7), mark(-701)]).toEqual([FIRST_ID + 1n, FIRST_ID + 2n, NOTHING])
    restart()
    expect([mark(-70), mark(-7)]).toEqual([FIRST_ID + 1n, FIRST_ID + 2n])
    expect(storedMarks()).toEqual([])
  })

  it('[CU9] is stored when no `Message` tells of it', () => {
    const { push, mark, storedMarks } = create()
    push(1, FIRST_ID, { sender: ME, cid: OWN_CID })
    push(2, FIRST_ID, { status: 'REMOVED' })
    push(3, FIRST_ID, { status: 'EDITED', updateTime: 1 })
    expect([1, 2, 3].map(mark)).toEqual([FIRST_ID, FIRST_ID, FIRST_ID])
    expect(storedMarks()).toEqual([{ chat_id: '1' }, { chat_id: '2' }])
  })

  it('[CU9] outlives the events that retention deletes', () => {
    const { push, own, mark, retain, restart } = create()
    for (const chat of [1, 2, -3]) push(chat, FIRST_ID + BigInt(10 + chat))
    push(1, FIRST_ID)
    own()
    retain(1)
    const marks = [FIRST_ID + 11n, FIRST_ID + 12n, FIRST_ID + 7n]
    expect([1, 2, -3].map(mark)).toEqual(marks)
    restart()
    expect([1, 2, -3].map(mark)).toEqual(marks)
  })

  it('[CU9] [CU5] is none of what was logged under another account', () => {
    const { push, own, mark, retain, restart, changeAccount, storedMarks } = create()
    push(1, FIRST_ID + 5n)
    changeAccount()
    expect(mark(1)).toBe(NOTHING)
    restart()
    expect(mark(1)).toBe(NOTHING)
    own()
    retain(1)
    expect([mark(1), storedMarks()]).toEqual([NOTHING, []])
  })

  it('[CU9] is a message of this account that the other one had seen already', () => {
    const { push, mark, changeAccount } = create()
    push(1, FIRST_ID)
    changeAccount()
    push(1, FIRST_ID)
    expect(mark(1)).toBe(FIRST_ID)
  })

  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        chat: fc.constantFrom(1, 12, -1),
        id: fc.bigInt(0n, 12n).map((n) => FIRST_ID + n),
        fields: fc.constantFrom<WireMap>(
          {},
          {},
          { status: 'EDITED', updateTime: 1 },
          { status: 'EDITED', updateTime: 2 },
          { status: 'REMOVED' },
          { sender: ME, cid: OWN_CID },
          { attaches: [{ _type: 'CONTROL', event: 'joinByLink' }] },
        ),
      }),
    },
    fc.record({ retain: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.constantFrom('own' as const, 'restart' as const, 'changeAccount' as const),
  )

  it('[CU9] is, whatever happens, the newest message pushed since the account came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (script) => {
        const world = create()
        const expected = new Map<number, bigint>()
        for (const each of script) {
          if (each === 'changeAccount') expected.clear()
          if (typeof each === 'string') world[each]()
          else if ('retain' in each) world.retain(each.retain)
          else {
            world.push(each.chat, each.id, each.fields)
            const before = expected.get(each.chat) ?? NOTHING
            if (each.id > before) expected.set(each.chat, each.id)
          }
          for (const chat of [1, 12, -1, 2]) {
            expect(world.mark(chat)).toBe(expected.get(chat) ?? NOTHING)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EventName, eventExample, eventRow, events } from '../schema/events.ts'
import { Opcode } from '../schema/opcodes.ts'
import { isSecretField } from '../schema/secrets.ts'
import { asMap, type WireMap, type WireValue } from '../schema/wire.ts'
import { FakeClock } from '../test/support/fake-clock.ts'
import { createJournalDisk } from '../test/support/journal-disk.ts'
import { tenant } from '../test/support/live.ts'
import { nodeSql } from '../test/support/node-sql.ts'
import golden from '../test/vectors/events.json' with { type: 'json' }
import { EventLog } from './event-log.ts'
import type { LogJournal } from './journal.ts'
import { KnownMessages } from './known-messages.ts'
import { migrate } from './migrations.ts'
import { type LoggedEvent, Store } from './store.ts'

const ME = 120000017

/** An event log on an empty store, and the bodies it wrote. */
const createLog = (journal?: LogJournal) => {
  const sql = nodeSql()
  migrate(sql)
  const store = new Store(sql, journal)
  store.set('config', tenant)
  store.set('userId', ME)
  const known = new KnownMessages(store)
  const told: number[] = []
  const onAppended = ({ sequence }: LoggedEvent) => told.push(sequence)
  const log = new EventLog({ store, known, clock: new FakeClock(), onAppended })
  const bodies = () =>
    sql.all('SELECT body FROM events ORDER BY sequence').map((row) => JSON.parse(String(row.body)))
  return { log, store, known, sql, bodies, told }
}

const ownPart = (body: Record<string, unknown>) => {
  const { id, sequence, timestamp, userID, instanceID, instanceName, eventTimestamp, ...rest } =
    body
  return rest
}

const isPushed = (name: EventName): boolean =>
  eventRow(name).opcode !== undefined && name !== 'FileReady'

const message = (fields: WireMap = {}): WireMap => ({
  id: 117309440008060930n,
  time: 1790000000123,
  type: 'USER',
  sender: 240000035,
  text: 'Hi',
  attaches: [],
  ...fields,
})
const push = (fields: WireMap = {}, opcode: Opcode = Opcode.NOTIF_MESSAGE) => ({
  opcode,
  payload: { chatId: 157880882, message: message(fields) },
})
const types = (bodies: { type: string }[]) => bodies.map(({ type }) => type)

describe('bodies', () => {
  it('[EV1] are what integrators were promised', () => {
    const names = Object.keys(events) as EventName[]
    expect(Object.fromEntries(names.map((name) => [name, eventExample(name)]))).toEqual(golden)
  })

  it.each(
    (Object.keys(events) as EventName[]).filter(isPushed),
  )('[EV1] a push becomes exactly the example of %s', (name) => {
    const { log, bodies, known } = createLog()
    const example = eventExample(name) as { opcode: number; event: WireMap }
    known.raise('157880882', name === 'MessageEdit' ? 2n ** 62n : 0n)
    log.push({ opcode: example.opcode, payload: example.event })
    expect(bodies().map(ownPart)).toEqual([ownPart({ ...example })])
  })

  it('[defect 21] say who they are of, and when', () => {
    const { log, bodies } = createLog()
    log.push(push())
    expect(bodies()[0]).toMatchObject({
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      sequence: 1,
      type: 'Message',
      timestamp: '2026-09-21T14:13:20.000Z',
      eventTimestamp: 1790000000,
      userID: tenant.id,
      instanceID: tenant.id,
      instanceName: tenant.name,
      chatId: 157880882,
      messageId: '117309440008060930',
    })
  })

  it('[defect 33] keep 64-bit ids exact', () => {
    const { log, bodies } = createLog()
    log.push({ opcode: 155, payload: { chatId: -(2n ** 60n), messageId: 2n ** 62n + 1n } })
    expect(bodies()[0]).toMatchObject({
      chatId: '-1152921504606846976',
      messageId: '4611686018427387905',
      event: { chatId: '-1152921504606846976', messageId: '4611686018427387905' },
    })
  })

  const wireValue: fc.Arbitrary<WireValue> = fc.letrec<{ value: WireValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof(
          fc.string(),
          fc.constantFrom('token', 'photoToken', 'accessToken', 'password', 'vcp', 'message'),
          fc.constantFrom('attaches', 'chatId', 'userId', 'link', 'api_key', 'clientSecret'),
        ),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).value

  it('[EV2] hold no field that is named like a secret, whatever MAX pushes', () => {
    const opcodes = fc.constantFrom(...Object.values(Opcode), 9_999)
    fc.assert(
      fc.property(opcodes, wireValue, (opcode, value) => {
        const { log, bodies } = createLog()
        log.push({ opcode, payload: { ...asMap(value), message: message({ extra: value }) } })
        log.own('Sync', { ...asMap(value) })
        JSON.stringify(bodies(), (name, item) => {
          expect(isSecretField(name)).toBe(false)
          return item
        })
      }),
      { numRuns: 200 },
    )
  })

  it('[EV2] leave the parameters of a call out', () => {
    const { log, bodies } = createLog()
    const secrets = { vcp: 's3cret', turnServer: { credential: 's3cret' }, sdpOffer: 's3cret' }
    log.push({ opcode: 137, payload: { chatId: 1, callerId: 2, conversationId: 'c', ...secrets } })
    expect(bodies()[0]).toMatchObject({ type: 'CallIncoming', event: { callerId: 2 } })
    expect(JSON.stringify(bodies())).not.toContain('s3cret')
  })
})

describe('pushes', () => {
  it('[EV3] that come again are one event; edits are new ones, each once', () => {
    const { log, bodies } = createLog()
    const first = { status: 'EDITED', updateTime: 1790000005000, text: 'Ho' }
    const second = { ...first, updateTime: 1790000006000 }
    for (const fields of [{}, {}, first, first, second, {}, second]) log.push(push(fields))
    expect(types(bodies())).toEqual(['Message', 'MessageEdit', 'MessageEdit'])
  })

  it('[EV3] of an edit without a time are told apart by what they say', () => {
    const { log, bodies } = createLog()
    for (const text of ['a', 'b', 'b']) log.push(push({ status: 'EDITED', text }))
    expect(types(bodies())).toEqual(['Message', 'MessageEdit', 'MessageEdit'])
  })

  it('[EV3] of an edit over TLS TCP and over the web are one event', () => {
    const { log, bodies } = createLog()
    const edit = { status: 'EDITED', updateTime: 1790000005000 }
    log.push(push())
    log.push(push(edit))
    log.push(push(edit, Opcode.MSG_EDIT))
    expect(types(bodies())).toEqual(['Message', 'MessageEdit'])
  })

  it('[EV3] [defect 20] of a deletion are one event in both of their forms', () => {
    const { log, bodies } = createLog()
    log.push(push({ status: 'REMOVED' }))
    const payload = { chatId: 157880882, messageIds: [117309440008060930n] }
    log.push({ opcode: Opcode.NOTIF_MSG_DELETE, payload })
    expect(bodies()).toMatchObject([
      { type: 'MessageDelete', messageIds: ['117309440008060930'], chatId: 157880882 },
    ])
  })

  it('[EV3] [pain 9] that look the same and are not are events of their own', () => {
    const { log, bodies } = createLog()
    const reacted = { chatId: 1, messageId: 5n, counters: [{ count: 1, reaction: '👍' }] }
    for (const payload of [reacted, { chatId: 1, messageId: 5n }, reacted]) {
      log.push({ opcode: 155, payload })
    }
    const read = { chatId: 1, userId: 2, mark: 3 }
    for (let i = 0; i < 2; i += 1) log.push({ opcode: Opcode.NOTIF_MARK, payload: read })
    // The same text of somebody in another chat, with an id that only the chat makes unique.
    log.push(push())
    log.push({ opcode: 128, payload: { chatId: 2, message: message() } })
    expect(types(bodies())).toEqual([
      ...['ReactionChange', 'ReactionChange', 'ReactionChange'],
      ...['ReadReceipt', 'ReadReceipt', 'Message', 'Message'],
    ])
  })

  it('[EV4] of an edit of an unknown message are a message and an edit', () => {
    const { log, bodies } = createLog()
    log.push(push({ status: 'EDITED', updateTime: 1, text: 'Ho' }))
    log.push(push({ status: 'EDITED', updateTime: 2, text: 'Hey' }))
    expect(bodies().map(({ type, event }) => [type, event.message.text])).toEqual([
      ['Message', 'Ho'],
      ['MessageEdit', 'Ho'],
      ['MessageEdit', 'Hey'],
    ])
  })

  it.each([
    [{ event: 'new', chatType: 'CHAT', title: 'T', userIds: [7] }, 'ChatCreated', { userIds: [7] }],
    [{ event: 'add', userIds: [7, 8], showHistory: true }, 'MemberJoined', { userIds: [7, 8] }],
    [{ event: 'joinByLink' }, 'MemberJoined', { userIds: [240000035] }],
    [{ event: 'remove', userId: 7 }, 'MemberLeft', { userIds: [7], actorId: 240000035 }],
    [{ event: 'leave' }, 'MemberLeft', { userIds: [240000035] }],
    [{ event: 'title', title: 'New' }, 'TitleChange', { title: 'New' }],
    [{ event: 'icon', photoId: 5 }, 'IconChange', { photoId: 5 }],
    [{ event: 'pin', pinnedMessage: { id: '5' } }, 'MessagePin', { event: 'pin' }],
    [{ event: 'botStarted', startPayload: 'x' }, 'BotStarted', { startPayload: 'x' }],
  ])('[EV5] of a service message %j also tell %s', (control, type, event) => {
    const { log, bodies } = createLog()
    const service = push({ text: '', attaches: [{ _type: 'CONTROL', ...control }] })
    log.push(service)
    log.push(service)
    expect(bodies()).toMatchObject([
      { type: 'Message', attachments: [] },
      { type, chatId: 157880882, messageId: '117309440008060930', event },
    ])
  })

  it('[EV5] of service messages that change nothing are messages only', () => {
    const { log, bodies } = createLog()
    log.push(push({ attaches: [{ _type: 'CONTROL', event: 'hello' }] }))
    expect(types(bodies())).toEqual(['Message'])
  })

  it('[EV6] of what this gateway sent are none; of the account’s other devices they are', () => {
    const { log, bodies, sql } = createLog()
    sql.all(
      "INSERT INTO sends (cid, state, created_at, request) VALUES (1790000000001, 'sending', 1, '{}')",
    )
    log.push(push({ sender: ME, cid: 1790000000001 }))
    log.push(push({ sender: ME, cid: 1790000000001, status: 'EDITED', updateTime: 1 }))
    log.push(push({ sender: ME, cid: 1790000000002, id: 117309440008060931n }))
    log.push(push({ cid: 1790000000001, id: 117309440008060932n }))
    expect(types(bodies())).toEqual(['MessageEdit', 'Message', 'Message'])
  })

  it('[EV8] that nothing stands for are `Raw`; the protocol’s own business is no event', () => {
    const { log, bodies } = createLog()
    for (const opcode of [Opcode.PING, Opcode.RECONNECT, Opcode.LOGOUT]) {
      log.push({ opcode, payload: {} })
    }
    log.push({ opcode: 4711, payload: { chatId: 1, news: [1] } })
    log.push({ opcode: 4712, payload: null })
    expect(bodies()).toMatchObject([
      { type: 'Raw', opcode: 4711, chatId: 1, event: { chatId: 1, news: [1] } },
      { type: 'Raw', opcode: 4712, event: {} },
    ])
  })

  it('whose event cannot be stored leave nothing behind, not even their mark', () => {
    const { log, sql, known, told } = createLog()
    sql.all("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
    expect(() => log.push(push())).toThrow()
    expect(known.mark('157880882')).toBe(0xffffn)
    expect(told).toEqual([])
  })
})

describe('pushes that go into a journal', () => {
  const createJournaled = () => {
    const clock = new FakeClock()
    const process = createJournalDisk(clock).start()
    return { ...createLog(process.session('one')), clock, process }
  }
  const nth = (n: bigint) => push({ id: 117309440008060930n + n })

  it('[JN1] may be acknowledged, and are told of, when they are on disk', async () => {
    const { log, told, clock } = createJournaled()
    let isStored = false
    log.receive(nth(1n))?.then(() => {
      isStored = true
    })
    await clock.advance(0)
    expect([told, isStored]).toEqual([[], false])
    await clock.advance(10)
    expect([told, isStored]).toEqual([[1], true])
  })

  it('[JN1] that come again before the first one is on disk have the session write it', async () => {
    const { log, told, clock, bodies } = createJournaled()
    log.receive(nth(1n))
    expect(bodies()).toEqual([])
    expect(log.receive(nth(1n))).toBeUndefined()
    expect(bodies()).toHaveLength(1)
    await clock.advance(10)
    expect(told).toEqual([1])
  })

  it('[JN6] are told of in the order of the log, whatever comes behind them', async () => {
    const { log, told, clock, bodies } = createJournaled()
    const first = log.receive(nth(1n))
    log.own('Disconnected')
    expect(told).toEqual([1, 2])
    log.receive(nth(2n))
    log.receive(nth(3n))
    await clock.advance(10)
    await first
    expect(told).toEqual([1, 2, 3, 4])
    log.own('Connected')
    expect(told).toEqual([1, 2, 3, 4, 5])
    expect(bodies().map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
  })

  it('[JN4] are stored by the session itself when the journal refuses', async () => {
    const { log, told, clock, process, bodies } = createJournaled()
    process.outcome = 'refused'
    const stored = log.receive(nth(1n))
    await clock.advance(10)
    await stored
    expect(told).toEqual([1])
    expect(bodies()).toHaveLength(1)
  })

  it('[JN4] that nobody can store are not acknowledged', async () => {
    const { log, told, clock, process, sql } = createJournaled()
    process.outcome = 'refused'
    sql.all("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
    const stored = log.receive(nth(1n))
    const refused = expect(stored).rejects.toThrow('full')
    await clock.advance(10)
    await refused
    expect(told).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, asMaps, Command } from '../schema/wire.ts'
import { createPair, createSimulator, TestLine } from '../test/sandbox/line.ts'
import { loginPayload } from '../test/sandbox/payloads.ts'
import { operations } from './operations/table.ts'

describe('what is not allowed', () => {
  it('answers nothing before INIT', () => {
    const { sim } = createSimulator()
    const line = new TestLine(sim)
    expect(line.request(Opcode.PING, { interactive: true })).toBeUndefined()
    expect(line.request(Opcode.LOGIN, loginPayload('x'))).toBeUndefined()
    line.greet()
    expect(line.request(Opcode.PING, { interactive: true })).toMatchObject({
      cmd: Command.OK,
      payload: null,
    })
  })

  it('refuses every other operation before LOGIN', () => {
    const { sim } = createSimulator()
    const line = new TestLine(sim).greet()
    for (const [opcode, operation] of Object.entries(operations)) {
      if (operation.from !== 'online') continue
      expect(line.refusal(Number(opcode))).toBe('session.state')
    }
  })

  it('refuses opcodes that are unknown or the server’s own', () => {
    const { annaLine } = createPair()
    for (const opcode of [999, Opcode.NOTIF_MESSAGE, Opcode.VIDEO_CHAT_START]) {
      expect(annaLine.refusal(opcode)).toBe('proto.opcode')
    }
  })

  it.each([
    ['chatsCount out of range', Opcode.LOGIN, loginPayload('t', { chatsCount: 200 })],
    ['a missing token', Opcode.LOGIN, { interactive: true }],
    ['a fraction', Opcode.CHATS_LIST, { marker: 1.5 }],
    ['a string for a number', Opcode.CHAT_HISTORY, { chatId: '1', from: 1 }],
    ['chat ids that are no list', Opcode.CHAT_INFO, { chatIds: 5 }],
    ['an empty profile', Opcode.PROFILE, {}],
    ['a mark without a type', Opcode.CHAT_MARK, { chatId: 0, mark: 1 }],
    ['one id instead of a list', Opcode.MSG_GET, { chatId: 0, messageId: 1 }],
    ['presence of one', Opcode.CONTACT_PRESENCE, { contactId: 1 }],
    ['a contact list of nothing', Opcode.CONTACT_LIST, {}],
    ['a contact change of no kind', Opcode.CONTACT_UPDATE, { contactId: 1 }],
    ['a phone book as a list', Opcode.SYNC, { contactList: ['+79990000001'] }],
    ['a setting out of range', Opcode.CONFIG, { settings: { user: { SEARCH_BY_PHONE: 'X' } } }],
    ['a draft without its time', Opcode.DRAFT_DISCARD, { chatId: 0 }],
    ['an empty draft', Opcode.DRAFT_SAVE, { chatId: 0, draft: {} }],
    ['a message without a cid', Opcode.MSG_SEND, { chatId: 0, message: { text: 'x' } }],
    ['a reaction as text', Opcode.MSG_REACTION, { chatId: 0, messageId: 1, reaction: '👍' }],
    ['a delete without forMe', Opcode.MSG_DELETE, { chatId: 0, messageIds: [1] }],
  ])('calls %s malformed', (_name, opcode, payload) => {
    const { annaLine } = createPair()
    const expected = opcode === Opcode.MSG_REACTION ? 'not.found' : 'proto.payload'
    expect(annaLine.refusal(opcode, payload)).toBe(expected)
    expect(annaLine.closed).toBeUndefined()
  })

  it('hangs up on a string id in a reaction, on binary alone', () => {
    const { sim, anna, annaLine, annaToken, bob } = createPair()
    const { chatId, messageId } = sim.direct.incoming({ to: anna.id, from: bob.id, text: 'x' })
    const payload = { chatId, messageId, reaction: { reactionType: 'EMOJI', id: '👍' } }
    expect(annaLine.refusal(Opcode.MSG_REACTION, payload)).toBe('proto.payload')
    expect(annaLine.closed).toMatchObject({ code: 1000 })
    const json = new TestLine(sim, 'json')
    json.login(annaToken)
    expect(json.refusal(Opcode.MSG_REACTION, payload)).toBe('none')
  })

  it('hangs up on a contact list that is asked for by marker', () => {
    const { annaLine } = createPair()
    expect(annaLine.refusal(Opcode.CONTACT_LIST, { marker: 0, count: 10 })).toBe('proto.payload')
    expect(annaLine.closed).toMatchObject({ code: 1000 })
  })

  it('refuses a float64 where an integer is due, and goes on', () => {
    const { annaLine } = createPair()
    // {marker: float64 1790000000000}: cb is the float tag.
    const body = [0x81, 0xa6, ...new TextEncoder().encode('marker'), 0xcb]
    const float = new DataView(new ArrayBuffer(8))
    float.setFloat64(0, 1_790_000_000_000)
    const header = [10, 0, 0, 99, 0, Opcode.CHATS_LIST, 0, 0, 0, body.length + 8]
    annaLine.sendBytes(Uint8Array.from([...header, ...body, ...new Uint8Array(float.buffer)]))
    expect(annaLine.frames.at(-1)).toMatchObject({
      cmd: Command.ERROR,
      seq: 99,
      payload: { error: 'proto.payload' },
    })
    expect(annaLine.refusal(Opcode.CHATS_LIST, { marker: 1_790_000_000_000 })).toBe('none')
  })

  it('ends a connection whose frames cannot be read', () => {
    const { annaLine } = createPair()
    annaLine.sendBytes(Uint8Array.from([10, 0, 0, 1, 0, 1, 200, 0, 0, 1, 0x80]))
    expect(annaLine.closed).toMatchObject({ code: 1002 })
  })

  it('closes a client that nobody looks at, whatever it pings', () => {
    const { sim, clock, annaToken } = createPair({ settings: { idleCloseMs: 240_000 } })
    const hidden = new TestLine(sim)
    hidden.login(annaToken, { interactive: false })
    const watched = new TestLine(sim)
    watched.login(annaToken)
    for (let minute = 0; minute < 5; minute++) {
      clock.advance(60_000)
      hidden.request(Opcode.PING, { interactive: false })
      watched.request(Opcode.PING, { interactive: true })
    }
    expect(hidden.closed).toMatchObject({ code: 1000 })
    expect(watched.closed).toBeUndefined()
  })
})

describe('what the web tab asks after LOGIN', () => {
  it('is answered, all of it', () => {
    const { annaLine, anna, bob, chatId } = createPair()
    const asked: [number, object][] = [
      [Opcode.CHAT_INFO, { chatIds: [chatId, 12345] }],
      [Opcode.FOLDERS_GET, { folderSync: 0 }],
      [Opcode.CONTACT_PRESENCE, { contactIds: [bob.id] }],
      [Opcode.CONTACT_INFO, { contactIds: [bob.id, 1] }],
      [Opcode.BANNERS_GET, { bannersSync: 0 }],
      [Opcode.CALL_HISTORY, { callHistorySync: 0 }],
      [Opcode.STORIES_LIST, {}],
      [Opcode.ASSETS_UPDATE, { type: 'STICKER', sync: 0 }],
      [Opcode.STORIES_LIST_BY_OWNER, {}],
      [Opcode.ASSETS_GET_BY_IDS, { type: 'STICKER_SET', ids: [] }],
      [Opcode.ASSETS_GET, { sectionId: 'x', from: 0, count: 1 }],
      [Opcode.LOG, { events: [{ type: 'NAV', event: 'GO' }] }],
      [Opcode.CONTACT_INFO_BY_PHONE, { phone: bob.phone }],
    ]
    for (const [opcode, payload] of asked)
      expect(annaLine.refusal(opcode, { ...payload })).toBe('none')
    expect(
      asMaps(annaLine.call(Opcode.CHAT_INFO, { chatIds: [chatId, 12345] }).chats),
    ).toHaveLength(1)
    const { presence } = annaLine.call(Opcode.CONTACT_PRESENCE, { contactIds: [bob.id] })
    expect(asMap(asMap(presence)[bob.id])).toMatchObject({ status: 1 })
    expect(asMap(asMap(presence)[bob.id]).seen).toBeLessThan(1e12) // seconds
    expect(annaLine.refusal(Opcode.CONTACT_INFO_BY_PHONE, { phone: '+70000000000' })).toBe(
      'not.found',
    )
    expect(asMaps(annaLine.call(Opcode.CHATS_LIST, { marker: 0 }).chats)).toEqual([])
    const saved = asMaps(annaLine.call(Opcode.CHAT_INFO, { chatIds: [0] }).chats)[0]
    expect(saved).toMatchObject({ id: 0, type: 'DIALOG', options: 1, owner: anna.id })
  })
})

describe('faults', () => {
  const fault = { code: 'service.unavailable', delayMs: 1000, count: 1 }

  it('loses an answer but does the work', () => {
    const { sim, anna, annaLine, chatId } = createPair()
    sim.direct.fault({ ...fault, kind: 'hang', opcode: Opcode.MSG_SEND })
    const payload = { chatId, message: { cid: 1, text: 'once' } }
    expect(annaLine.request(Opcode.MSG_SEND, payload)).toBeUndefined()
    expect(annaLine.refusal(Opcode.MSG_SEND, payload)).toBe('none')
    expect(sim.direct.messages(anna.id, chatId)).toHaveLength(1)
  })

  it('answers late, or with an error that did nothing', () => {
    const { sim, clock, anna, annaLine, chatId } = createPair()
    sim.direct.fault({ ...fault, kind: 'slow', userId: anna.id })
    expect(annaLine.request(Opcode.PING, { interactive: true })).toBeUndefined()
    const before = annaLine.frames.length
    clock.advance(1000)
    expect(annaLine.frames).toHaveLength(before + 1)
    sim.direct.fault({ ...fault, kind: 'error', code: 'too.many.requests', userId: anna.id })
    const payload = { chatId, message: { cid: 1, text: 'no' } }
    expect(annaLine.refusal(Opcode.MSG_SEND, payload)).toBe('too.many.requests')
    expect(sim.direct.messages(anna.id, chatId)).toEqual([])
  })

  it('drops, logs out and floods at once', () => {
    const { sim, anna, annaLine, annaToken, bobLine } = createPair()
    sim.direct.fault({ ...fault, kind: 'flood', userId: anna.id, count: 50 })
    expect(annaLine.take(Opcode.NOTIF_MESSAGE)).toHaveLength(50)
    sim.direct.fault({ ...fault, kind: 'drop', userId: anna.id })
    expect(annaLine.closed?.code).toBeUndefined()
    expect(bobLine.closed).toBeUndefined()
    const again = new TestLine(sim)
    again.login(annaToken)
    sim.direct.fault({ ...fault, kind: 'logout', userId: anna.id })
    expect(again.closed).toBeDefined()
    expect(new TestLine(sim).greet().refusal(Opcode.LOGIN, loginPayload(annaToken))).toBe(
      'login.token',
    )
  })
})

describe('server pushes', () => {
  it('count on their own, per connection, and may collide with the client’s numbers', () => {
    const { annaLine, bobLine, write } = createPair()
    write(bobLine, 'one')
    write(bobLine, 'two')
    const pushes = annaLine.frames.filter(({ cmd }) => cmd === Command.REQUEST)
    expect(pushes.map(({ seq }) => seq)).toEqual([0, 1])
  })

  it('tell the partners of a dialog who comes and goes', () => {
    const { sim, anna, annaToken, annaLine, bobLine } = createPair({
      settings: { pushPresence: true },
    })
    bobLine.take(Opcode.NOTIF_PRESENCE)
    annaLine.drop()
    const line = new TestLine(sim)
    line.login(annaToken)
    const [gone, back] = bobLine.take(Opcode.NOTIF_PRESENCE)
    expect(gone).toMatchObject({ userId: anna.id })
    expect(asMap(gone?.presence)).not.toHaveProperty('status')
    expect(back).toMatchObject({ userId: anna.id, presence: { status: 1 } })
  })
})

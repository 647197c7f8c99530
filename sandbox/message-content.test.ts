import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asIdString, asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createPair, TestLine } from '../test/sandbox/line.ts'
import { Simulator } from './simulator.ts'
import { MemoryStorage } from './storage.ts'

const idOf = (answer: WireMap): bigint => BigInt(asIdString(asMap(answer.message).id) ?? '')

describe('what a message can carry', () => {
  const card = (attach: WireMap, text?: string) => ({ cid: 1, text, attaches: [attach] })

  it('refuses a poll with a text, with one answer, or beside anything', () => {
    const { annaLine, chatId } = createPair()
    const poll = { _type: 'POLL', title: 'x', answers: [{ text: 'a' }, { text: 'b' }], settings: 0 }
    const refusal = (message: WireMap) => annaLine.refusal(Opcode.MSG_SEND, { chatId, message })
    expect(refusal(card(poll, 'text'))).toBe('proto.payload')
    expect(refusal(card({ ...poll, answers: [{ text: 'a' }] }))).toBe('poll.answers.few')
    expect(refusal(card({ ...poll, settings: 64 }))).toBe('proto.payload')
    const sticker = { _type: 'STICKER', stickerId: 1 }
    expect(refusal({ cid: 1, attaches: [poll, sticker] })).toBe('proto.payload')
    expect(refusal(card(poll))).toBe('none')
  })

  it('forwards a poll only where its settings allow it', () => {
    const { annaLine, chatId } = createPair()
    const poll = { _type: 'POLL', title: 'x', answers: [{ text: 'a' }, { text: 'b' }] }
    const send = (cid: number, settings: number): bigint =>
      idOf(
        annaLine.call(Opcode.MSG_SEND, {
          chatId,
          message: { cid, attaches: [{ ...poll, settings }] },
        }),
      )
    const forward = (cid: number, messageId: bigint): string =>
      annaLine.refusal(Opcode.MSG_SEND, {
        chatId: 0,
        message: { cid, link: { type: 'FORWARD', messageId, chatId } },
      })
    expect(forward(10, send(1, 1))).toBe('poll.denied')
    expect(forward(11, send(2, 32))).toBe('none')
  })

  it('an edit without `elements` and `attachments` is malformed', () => {
    const { annaLine, chatId, write } = createPair()
    const messageId = idOf(write(annaLine, 'x'))
    const edit = { chatId, messageId, text: 'y' }
    expect(annaLine.refusal(Opcode.MSG_EDIT, edit)).toBe('proto.payload')
    expect(annaLine.refusal(Opcode.MSG_EDIT, { ...edit, elements: [] })).toBe('proto.payload')
    expect(annaLine.refusal(Opcode.MSG_EDIT, { ...edit, elements: [], attachments: [] })).toBe(
      'none',
    )
  })

  it('a deleted range is told to the others, and needs both of its times', () => {
    const { annaLine, bobLine, write, sim, anna, bob, clock } = createPair()
    const { chat } = sim.direct.createGroup({
      type: 'CHAT',
      ownerId: anna.id,
      title: 'Team',
      userIds: [bob.id],
    })
    const message = { cid: 1, text: 'x' }
    bobLine.call(Opcode.MSG_SEND, { chatId: chat.id, message })
    write(annaLine, 'elsewhere')
    const range = { chatId: chat.id, startTime: clock.now() - 10, endTime: clock.now() + 10 }
    const refusal = (payload: WireMap) => annaLine.refusal(Opcode.MSG_DELETE_RANGE, payload)
    expect(refusal({ ...range, startTime: 0 })).toBe('proto.payload')
    expect(refusal({ ...range, endTime: undefined })).toBe('proto.payload')
    expect(refusal(range)).toBe('none')
    expect(bobLine.take(Opcode.NOTIF_MSG_DELETE_RANGE)).toMatchObject([{ chat: { id: chat.id } }])
    expect(sim.direct.messages(anna.id, chat.id)).toEqual([])
    expect(sim.direct.messages(anna.id)).toHaveLength(1)
  })

  it('a poll, its votes and a pin survive a restart', () => {
    const storage = new MemoryStorage()
    const { sim, anna, annaLine, clock } = createPair({ storage })
    const { chat } = sim.direct.createGroup({
      type: 'CHAT',
      ownerId: anna.id,
      title: 'Team',
      userIds: [],
    })
    const poll = { _type: 'POLL', title: 'x', answers: [{ text: 'a' }, { text: 'b' }], settings: 0 }
    const place = { chatId: chat.id, message: card(poll) }
    const sent = annaLine.call(Opcode.MSG_SEND, place)
    const [attach] = asMaps(asMap(sent.message).attaches)
    const vote = { chatId: chat.id, messageId: idOf(sent), pollId: attach?.pollId }
    annaLine.call(Opcode.SEND_VOTE, { ...vote, answersIds: [2] })
    annaLine.call(Opcode.CHAT_UPDATE, { chatId: chat.id, pinMessageId: idOf(sent) })
    const again = new Simulator({ clock, random: Math.random, storage })
    const line = new TestLine(again)
    line.login(again.direct.issueToken(anna.id).token)
    const [found] = asMaps(line.call(Opcode.CHAT_INFO, { chatIds: [chat.id] }).chats)
    expect(asMaps(asMap(found?.pinnedMessage).attaches)).toMatchObject([
      { state: { total: 1, result: [{ options: 0 }, { options: 1, voteCount: 1 }] } },
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asIdString, asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createPair, createSimulator, TestLine } from '../test/sandbox/line.ts'
import { MemoryStorage } from './storage.ts'

const HOUR = 3_600_000
const idOf = (answer: WireMap): bigint => BigInt(asIdString(asMap(answer.message).id) ?? '')

const enter = (storage = new MemoryStorage()) => {
  const pair = createPair({ storage })
  const { annaLine, chatId, clock } = pair
  const schedule = (text: string, inMs = HOUR, more: WireMap = {}) =>
    annaLine.call(Opcode.MSG_SEND, {
      chatId,
      message: { cid: 1, text, delayedAttributes: { timeToFire: clock.now() + inMs }, ...more },
      notify: true,
    })
  const queue = (line: TestLine = annaLine) =>
    asMaps(
      line.call(Opcode.CHAT_HISTORY, { chatId, from: 1, forward: 100, itemType: 'DELAYED' })
        .messages,
    )
  return { ...pair, storage, schedule, queue }
}

describe('scheduled messages', () => {
  it('lie in the author’s queue alone, and the author’s other sessions hear of it', () => {
    const { sim, annaToken, bobLine, schedule, queue, clock, chatId, anna } = enter()
    const second = new TestLine(sim)
    second.login(annaToken)
    const answer = schedule('later')
    const delayedAttributes = {
      timeToFire: clock.now() + HOUR,
      notifySender: true,
      notifyOpponents: true,
    }
    expect(answer).toMatchObject({
      chatId,
      unread: 0,
      message: { text: 'later', delayedAttributes },
    })
    expect(queue()).toMatchObject([{ text: 'later', delayedAttributes }])
    expect(queue(bobLine)).toEqual([])
    expect(sim.direct.messages(anna.id, chatId)).toEqual([])
    expect(second.take(Opcode.NOTIF_MSG_DELAYED)).toMatchObject([
      { chatId, userId: anna.id, message: { text: 'later' }, updateTypeId: 0 },
    ])
    expect(bobLine.take(Opcode.NOTIF_MSG_DELAYED)).toEqual([])
  })

  it('become messages of their hour, pushed to everybody with the author', () => {
    const { annaLine, bobLine, schedule, queue, clock, chatId } = enter()
    const scheduled = schedule('now')
    clock.advance(HOUR)
    const [push] = annaLine.take(Opcode.NOTIF_MESSAGE)
    expect(push).toMatchObject({ chatId, message: { text: 'now', cid: 1 } })
    expect(asMap(push?.message)).not.toHaveProperty('delayedAttributes')
    expect(idOf(push ?? {})).toBeGreaterThan(idOf(scheduled))
    expect(Number(idOf(push ?? {}) >> 16n) - clock.now()).toBeLessThan(10)
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toHaveLength(1)
    expect(annaLine.take(Opcode.NOTIF_MSG_DELAYED)).toMatchObject([
      { updateTypeId: 2, messageIds: [idOf(scheduled)] },
    ])
    expect(queue()).toEqual([])
  })

  it('change with 67 and go with 66, by their author', () => {
    const { annaLine, bobLine, schedule, queue, clock, chatId } = enter()
    const messageId = idOf(schedule('words'))
    const edit = {
      chatId,
      messageId,
      text: 'other words',
      elements: [],
      attachments: [],
      delayedAttributes: { timeToFire: clock.now() + 2 * HOUR, notifySender: false },
    }
    expect(annaLine.call(Opcode.MSG_EDIT, edit).message).not.toHaveProperty('status')
    clock.advance(HOUR)
    expect(queue()).toMatchObject([
      { text: 'other words', delayedAttributes: { notifySender: false } },
    ])
    const remove = { chatId, messageIds: [messageId], forMe: false, itemType: 'DELAYED' }
    expect(bobLine.refusal(Opcode.MSG_EDIT, edit)).toBe('not.found')
    expect(bobLine.refusal(Opcode.MSG_DELETE, remove)).toBe('not.found')
    annaLine.call(Opcode.MSG_DELETE, remove)
    expect(annaLine.refusal(Opcode.MSG_DELETE, remove)).toBe('not.found')
    clock.advance(2 * HOUR)
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toEqual([])
  })

  it('stay in the queue with an error when they may no longer be sent', () => {
    const { annaLine, bobLine, anna, schedule, queue, clock } = enter()
    schedule('too late')
    bobLine.call(Opcode.CONTACT_UPDATE, { contactId: anna.id, action: 'BLOCK' })
    clock.advance(HOUR)
    expect(queue()).toMatchObject([{ status: 'DELAYED_FIRE_ERROR' }])
    expect(annaLine.take(Opcode.NOTIF_MSG_DELAYED)).toMatchObject([{ updateTypeId: 3 }])
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toEqual([])
  })

  it('survive a restart of the server', () => {
    const { schedule, storage, clock, anna, bob, chatId } = enter()
    schedule('survivor')
    clock.advance(HOUR / 2)
    const { sim: second } = createSimulator({ storage, clock })
    clock.advance(HOUR / 2)
    expect(second.direct.messages(anna.id, chatId)).toMatchObject([{ text: 'survivor' }])
    expect(second.direct.messages(bob.id, chatId)).toHaveLength(1)
  })

  it('need a time to come', () => {
    const { annaLine, clock, chatId } = enter()
    const past = { cid: 1, text: 'x', delayedAttributes: { timeToFire: clock.now() } }
    expect(annaLine.refusal(Opcode.MSG_SEND, { chatId, message: past })).toBe(
      'error.message.invalid',
    )
  })
})

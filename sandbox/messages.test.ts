import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asIdString, asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createPair, TestLine } from '../test/sandbox/line.ts'

const idOf = (answer: WireMap): bigint => BigInt(asIdString(asMap(answer.message).id) ?? '')
const texts = (answer: WireMap): unknown[] => asMaps(answer.messages).map(({ text }) => text)

describe('MSG_SEND', () => {
  it('answers first, then tells the others and the own other sessions, never the sender', () => {
    const { sim, annaLine, annaToken, bobLine, anna, write } = createPair()
    const second = new TestLine(sim)
    second.login(annaToken)
    const answer = write(annaLine, 'Hello')
    expect(answer).toMatchObject({ unread: 0, message: { text: 'Hello', sender: anna.id } })
    expect(annaLine.take(Opcode.NOTIF_MESSAGE)).toEqual([])
    expect(second.take(Opcode.NOTIF_MESSAGE)).toHaveLength(1)
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toMatchObject([
      { unread: 1, ttl: false, message: { text: 'Hello', id: asMap(answer.message).id } },
    ])
  })

  it('keeps the time in the id, and ids strictly ascending within a millisecond', () => {
    const { annaLine, write, clock } = createPair()
    const answers = [1, 2, 3].map((n) => write(annaLine, `${n}`))
    const ids = answers.map(idOf)
    for (const [at, answer] of answers.entries()) {
      expect(BigInt(Number(asMap(answer.message).time))).toBe((ids[at] ?? 0n) >> 16n)
    }
    expect(new Set(ids).size).toBe(3)
    expect([...ids].sort()).toEqual(ids)
    expect(ids[0]).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER))
    expect(Number((ids[0] ?? 0n) >> 16n) - clock.now()).toBeLessThan(10)
  })

  it('dedupes by cid, also on a second connection: one id, one copy, one push', () => {
    const { sim, chatId, annaLine, annaToken, bobLine, anna, bob } = createPair()
    const payload = { chatId, message: { cid: 77, text: 'once' }, notify: true }
    const first = annaLine.call(Opcode.MSG_SEND, payload)
    const second = new TestLine(sim)
    second.login(annaToken)
    expect(idOf(second.call(Opcode.MSG_SEND, payload))).toBe(idOf(first))
    expect(sim.direct.messages(anna.id, chatId)).toHaveLength(1)
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toHaveLength(1)
    // Another person's equal cid is another message.
    expect(idOf(bobLine.call(Opcode.MSG_SEND, payload))).not.toBe(idOf(first))
    expect(sim.direct.messages(bob.id, chatId)).toHaveLength(2)
  })

  it('makes the dialog when addressed by userId, or by the XOR id', () => {
    const { sim, annaLine, anna } = createPair()
    const stranger = sim.direct.createAccount()
    const message = { cid: 1, text: 'Hi' }
    const answer = annaLine.call(Opcode.MSG_SEND, { userId: stranger.id, message })
    expect(answer.chatId).toBe(anna.id ^ stranger.id)
    const other = sim.direct.createAccount()
    annaLine.call(Opcode.MSG_SEND, { chatId: anna.id ^ other.id, message })
    expect(sim.direct.messages(other.id)).toHaveLength(1)
    expect(annaLine.refusal(Opcode.MSG_SEND, { chatId: 12345, message })).toBe('chat.not.found')
  })

  it('keeps saved messages under chat 0', () => {
    const { annaLine, bobLine } = createPair()
    const answer = annaLine.call(Opcode.MSG_SEND, { chatId: 0, message: { cid: 1, text: 'note' } })
    expect(answer.chatId).toBe(0)
    const history = { chatId: 0, from: 2 ** 42, forward: 0, backward: 10, getMessages: true }
    expect(texts(annaLine.call(Opcode.CHAT_HISTORY, history))).toEqual(['note'])
    expect(texts(bobLine.call(Opcode.CHAT_HISTORY, history))).toEqual([])
  })

  it('embeds the message that is answered or forwarded', () => {
    const { sim, anna, annaLine, bobLine, chatId, write } = createPair()
    const original = idOf(write(bobLine, 'question'))
    write(annaLine, 'answer', { link: { type: 'REPLY', messageId: original } })
    const [push] = bobLine.take(Opcode.NOTIF_MESSAGE)
    expect(asMap(push?.message).link).toMatchObject({
      type: 'REPLY',
      chatId,
      message: { text: 'question' },
    })
    // A forward's source id may be a string on every transport.
    const link = { type: 'FORWARD', messageId: String(original), chatId }
    annaLine.call(Opcode.MSG_SEND, { chatId: 0, message: { cid: 9, link } })
    expect(sim.direct.messages(anna.id, 0)).toHaveLength(1)
  })

  it('leaves `from` 0 out of elements, and elements out of the answer', () => {
    const { annaLine, bobLine, write } = createPair()
    const text = '🙂 bold'
    const elements = [
      { type: 'STRONG', from: 0, length: 2 },
      { type: 'EMPHASIZED', from: 3, length: 4 },
    ]
    expect(asMap(write(annaLine, text, { elements }).message)).not.toHaveProperty('elements')
    const [push] = bobLine.take(Opcode.NOTIF_MESSAGE)
    expect(asMap(push?.message).elements).toEqual([
      { type: 'STRONG', length: 2 },
      { type: 'EMPHASIZED', from: 3, length: 4 },
    ])
  })

  it('creates groups and channels, and tells those invited', () => {
    const { sim, annaLine, bobLine, bob, anna } = createPair()
    const create = (chatType: string) =>
      annaLine.call(Opcode.MSG_SEND, {
        message: {
          cid: chatType === 'CHAT' ? 1 : 2,
          attaches: [
            { _type: 'CONTROL', event: 'new', chatType, title: 'Team', userIds: [bob.id] },
          ],
        },
        notify: true,
      })
    const group = create('CHAT')
    expect(group.chatId).toBeLessThan(0)
    expect(group.chat).toMatchObject({
      type: 'CHAT',
      owner: anna.id,
      title: 'Team',
      access: 'PRIVATE',
      participantsCount: 2,
      admins: [anna.id],
      options: {},
    })
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toMatchObject([
      { chat: { title: 'Team' }, message: { attaches: [{ _type: 'CONTROL', event: 'new' }] } },
    ])
    const { chatId } = create('CHANNEL')
    bobLine.take(Opcode.NOTIF_MESSAGE)
    annaLine.call(Opcode.MSG_SEND, { chatId, message: { cid: 3, text: 'post' } })
    const [post] = bobLine.take(Opcode.NOTIF_MESSAGE)
    expect(post?.message).toMatchObject({ type: 'CHANNEL', text: 'post', stats: { views: 1 } })
    expect(asMap(post?.message)).not.toHaveProperty('sender')
    const attempt = { chatId, message: { cid: 4, text: 'me too' } }
    expect(bobLine.refusal(Opcode.MSG_SEND, attempt)).toBe('error.message.chat.access')
    expect(sim.world.chatsOf(bob.id).size).toBe(4)
  })
})

describe('MSG_EDIT and MSG_DELETE', () => {
  it('replaces the text and removes attachments with an empty list', () => {
    const { sim, anna, bob, chatId, annaLine, bobLine } = createPair()
    const attaches = [{ _type: 'PHOTO', photoToken: 'p', photoId: 1 }]
    const input = { to: anna.id, from: bob.id, text: 'photo', attaches }
    const messageId = BigInt(sim.direct.incoming(input).messageId)
    const edit = { chatId, messageId, text: 'no photo', elements: [] }
    const foreign = { ...edit, attachments: [] }
    expect(annaLine.refusal(Opcode.MSG_EDIT, foreign)).toBe('error.message.chat.access')
    expect(bobLine.refusal(Opcode.MSG_EDIT, edit)).toBe('proto.payload')
    const kept = bobLine.call(Opcode.MSG_EDIT, { ...edit, attachments: attaches })
    expect(asMaps(asMap(kept.message).attaches)).toHaveLength(1)
    const { message } = bobLine.call(Opcode.MSG_EDIT, { ...edit, attachments: [] })
    expect(message).toMatchObject({ status: 'EDITED', text: 'no photo', attaches: [] })
    expect(asMap(message).updateTime).toBeGreaterThanOrEqual(Number(messageId >> 16n))
    const pushed = annaLine.take(Opcode.NOTIF_MESSAGE).map((push) => asMap(push.message).status)
    expect(pushed).toEqual([undefined, 'EDITED', 'EDITED'])
  })

  it('never edits a forward', () => {
    const { annaLine, chatId, write } = createPair()
    const messageId = idOf(write(annaLine, 'original'))
    const forward = idOf(
      annaLine.call(Opcode.MSG_SEND, {
        chatId,
        message: { cid: 99, link: { type: 'FORWARD', messageId, chatId } },
      }),
    )
    const edit = { chatId, messageId: forward, text: 'x', elements: [], attachments: [] }
    expect(annaLine.refusal(Opcode.MSG_EDIT, edit)).toBe('error.message.invalid')
  })

  it('removes for everyone: 128 REMOVED on web sockets, 142 on TLS TCP', () => {
    const { sim, annaLine, bobLine, bob, chatId, write } = createPair()
    const phone = new TestLine(sim, 'tcp')
    phone.login(sim.direct.issueToken(bob.id).token)
    const id = idOf(write(annaLine, 'oops'))
    bobLine.take(Opcode.NOTIF_MESSAGE)
    const payload = { chatId, messageIds: [id], forMe: false }
    expect(annaLine.call(Opcode.MSG_DELETE, payload)).toEqual({})
    expect(annaLine.take(Opcode.NOTIF_MESSAGE)).toEqual([])
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toMatchObject([
      { unread: 0, message: { status: 'REMOVED', text: '' } },
    ])
    expect(phone.take(Opcode.NOTIF_MSG_DELETE)).toMatchObject([{ messageIds: [id] }])
    expect(annaLine.refusal(Opcode.MSG_DELETE, payload)).toBe('not.found')
  })

  it('removes for me alone', () => {
    const { sim, annaLine, annaToken, bobLine, chatId, write } = createPair()
    const second = new TestLine(sim)
    second.login(annaToken)
    const id = idOf(write(bobLine, 'keep'))
    const foreign = { chatId, messageIds: [id], forMe: false }
    expect(annaLine.refusal(Opcode.MSG_DELETE, foreign)).toBe('error.message.chat.access')
    annaLine.call(Opcode.MSG_DELETE, { chatId, messageIds: [id], forMe: true })
    expect(second.take(Opcode.NOTIF_MSG_DELETE)).toMatchObject([{ messageIds: [id] }])
    const get = { chatId, messageIds: [id] }
    expect(texts(annaLine.call(Opcode.MSG_GET, get))).toEqual([])
    expect(texts(bobLine.call(Opcode.MSG_GET, get))).toEqual(['keep'])
  })
})

describe('CHAT_HISTORY', () => {
  const fill = () => {
    const pair = createPair()
    const times: number[] = []
    for (let n = 0; n < 10; n++) {
      pair.clock.advance(10)
      times.push(Number(idOf(pair.write(pair.annaLine, `${n}`)) >> 16n))
    }
    const read = (from: number, backward: number, forward: number) =>
      texts(
        pair.bobLine.call(Opcode.CHAT_HISTORY, {
          chatId: pair.chatId,
          from,
          forward,
          backward,
          getMessages: true,
        }),
      )
    return { ...pair, read, at: (n: number) => times[n] ?? 0 }
  }

  it('counts the anchor backward, and forward only when nothing goes backward', () => {
    const { read, at } = fill()
    expect(read(at(4), 3, 0)).toEqual(['2', '3', '4'])
    expect(read(at(4), 3, 2)).toEqual(['2', '3', '4', '5', '6'])
    expect(read(at(4), 0, 2)).toEqual(['4', '5'])
    expect(read(at(4) + 1, 0, 2)).toEqual(['5', '6'])
    expect(read(at(4) - 1, 2, 0)).toEqual(['2', '3'])
    expect(read(0, 5, 0)).toEqual([])
    expect(read(2 ** 42, 100, 0)).toHaveLength(10)
  })

  it('pages both ways without losing or repeating', () => {
    const { bobLine, chatId, at } = fill()
    const page = (from: number, backward: number, forward: number) =>
      asMaps(bobLine.call(Opcode.CHAT_HISTORY, { chatId, from, backward, forward }).messages)
    const back: unknown[] = []
    for (let from = at(9); ; ) {
      const messages = page(from, 3, 0)
      const [oldest] = messages
      if (!oldest) break
      back.unshift(...messages.map(({ text }) => text))
      from = Number(oldest.time) - 1
    }
    const ahead: unknown[] = []
    for (let from = at(0); ; ) {
      const messages = page(from, 0, 4)
      const last = messages.at(-1)
      if (!last) break
      ahead.push(...messages.map(({ text }) => text))
      from = Number(last.time) + 1
    }
    const all = Array.from({ length: 10 }, (_, n) => `${n}`)
    expect(back).toEqual(all)
    expect(ahead).toEqual(all)
  })
})

describe('reading, typing and reactions', () => {
  it('tells the message time from now: what came after the mark stays unread', () => {
    const { sim, clock, annaLine, annaToken, bobLine, bob, chatId, write } = createPair()
    const second = new TestLine(sim)
    second.login(annaToken)
    const messageId = idOf(write(bobLine, 'first'))
    clock.advance(5)
    write(bobLine, 'second')
    const read = { chatId, type: 'READ_MESSAGE', messageId }
    const exact = annaLine.call(Opcode.CHAT_MARK, { ...read, mark: Number(messageId >> 16n) })
    expect(exact.unread).toBe(1)
    expect(second.take(Opcode.NOTIF_MARK)).toMatchObject([{ unread: 1, setAsUnread: false }])
    expect(bobLine.take(Opcode.NOTIF_MARK)[0]).not.toHaveProperty('unread')
    const now = annaLine.call(Opcode.CHAT_MARK, { ...read, mark: clock.now() + 1 })
    expect(now.unread).toBe(0)
    const flag = { chatId, type: 'SET_AS_UNREAD', mark: 0 }
    expect(annaLine.call(Opcode.CHAT_MARK, flag).unread).toBe(1)
    expect(second.take(Opcode.NOTIF_MARK).at(-1)).toMatchObject({ setAsUnread: true })
    const seen = asMaps(annaLine.call(Opcode.CHAT_INFO, { chatIds: [chatId] }).chats)[0]
    expect(seen).toMatchObject({ newMessages: 1, markedAsUnread: true })
    expect(asMap(seen?.participants)[bob.id]).toBeGreaterThan(0)
  })

  it('pushes typing to subscribers, for a while', () => {
    const { clock, annaLine, bobLine, anna, chatId } = createPair()
    annaLine.call(Opcode.MSG_TYPING, { chatId })
    expect(bobLine.take(Opcode.NOTIF_TYPING)).toEqual([])
    bobLine.call(Opcode.CHAT_SUBSCRIBE, { chatId, subscribe: true })
    annaLine.call(Opcode.MSG_TYPING, { chatId, type: 'TEXT' })
    expect(bobLine.take(Opcode.NOTIF_TYPING)).toMatchObject([{ chatId, userId: anna.id }])
    clock.advance(90_000)
    annaLine.call(Opcode.MSG_TYPING, { chatId })
    expect(bobLine.take(Opcode.NOTIF_TYPING)).toEqual([])
  })

  it('keeps one reaction per person: 155 flat for others, 156 nested for me', () => {
    const { sim, annaLine, annaToken, bobLine, chatId, write } = createPair()
    const second = new TestLine(sim)
    second.login(annaToken)
    const messageId = idOf(write(bobLine, 'react'))
    const react = (id: string) =>
      annaLine.call(Opcode.MSG_REACTION, {
        chatId,
        messageId,
        reaction: { reactionType: 'EMOJI', id },
      }).reactionInfo
    react('👍')
    expect(react('🔥')).toEqual({
      totalCount: 1,
      counters: [{ count: 1, reaction: '🔥' }],
      yourReaction: '🔥',
    })
    const [, push] = bobLine.take(Opcode.NOTIF_MSG_REACTIONS_CHANGED)
    expect(push).toMatchObject({ totalCount: 1, counters: [{ count: 1, reaction: '🔥' }] })
    expect(push).not.toHaveProperty('yourReaction')
    expect(second.take(Opcode.NOTIF_MSG_YOU_REACTED)[1]).toMatchObject({
      reactionInfo: { yourReaction: '🔥' },
    })
    const all = { chatId, messageIds: [messageId] }
    expect(asMap(bobLine.call(Opcode.MSG_GET_REACTIONS, all).messagesReactions)).toEqual({
      [String(messageId)]: { totalCount: 1, counters: [{ count: 1, reaction: '🔥' }] },
    })
    const cancel = { chatId, messageId }
    expect(annaLine.call(Opcode.MSG_CANCEL_REACTION, cancel).reactionInfo).toEqual({})
    expect(annaLine.call(Opcode.MSG_CANCEL_REACTION, cancel).reactionInfo).toEqual({})
    const [gone, ...more] = bobLine.take(Opcode.NOTIF_MSG_REACTIONS_CHANGED)
    expect(gone).not.toHaveProperty('counters')
    expect(more).toEqual([])
    // History of a dialog says `{}` whatever the reactions are.
    react('👍')
    const history = annaLine.call(Opcode.MSG_GET, all)
    expect(asMaps(history.messages)[0]?.reactionInfo).toEqual({})
  })
})

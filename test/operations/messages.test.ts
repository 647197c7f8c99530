import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const send = async (tenant: LiveTenant, chatId: number, text: string): Promise<string> =>
  String((await tenant.ok('POST', '/chat/send/text', { chatId, text })).messageId)

/** Messages of a chat as one of its people reads them, by what a test cares about. */
const read = async (tenant: LiveTenant, chatId: number): Promise<Record<string, unknown>[]> =>
  (await tenant.ok('POST', '/chat/history', { chatId })).messages as Record<string, unknown>[]

const texts = async (tenant: LiveTenant, chatId: number): Promise<unknown[]> =>
  (await read(tenant, chatId)).map(({ text }) => text)

/** A group of two, owned by the first. */
const enterGroup = async (type: 'CHAT' | 'CHANNEL' = 'CHAT') => {
  const { me, friend } = await world.enterPair()
  const state = world.sim.direct.createGroup({
    type,
    ownerId: me.account.id,
    title: 'Team',
    userIds: [friend.account.id],
  })
  return { me, friend, chatId: state.chat.id }
}

describe('POST /chat/send/text', () => {
  it('formats Markdown, HTML and by explicit elements, and the receiver sees it', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const mention = `max://user/${friend.account.id}`
    await me.ok('POST', '/chat/send/text', {
      chatId,
      text: `🙂 **bold** [Friend](${mention})`,
      format: 'markdown',
    })
    await me.ok('POST', '/chat/send/text', {
      chatId,
      text: '<u>a</u> <a href="https://max.ru">b</a>',
      format: 'html',
    })
    const elements = [{ type: 'STRIKETHROUGH', length: 2 }]
    await me.ok('POST', '/chat/send/text', { chatId, text: 'no', elements })
    expect(await read(friend, chatId)).toMatchObject([
      {
        text: '🙂 bold Friend',
        elements: [
          { type: 'STRONG', from: 3, length: 4 },
          { type: 'USER_MENTION', from: 8, length: 6, entityId: friend.account.id },
        ],
      },
      {
        text: 'a b',
        elements: [
          { type: 'UNDERLINE', from: 0, length: 1 },
          { type: 'LINK', from: 2, length: 1, attributes: { url: 'https://max.ru' } },
        ],
      },
      { text: 'no', elements: [{ type: 'STRIKETHROUGH', from: 0, length: 2 }] },
    ])
  })

  it('reaches a person by chat, by phone with and without plus, and by user id', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const { id: userId, phone } = friend.account
    for (const target of [{ chatId }, { phone }, { phone: phone.slice(1) }, { userId }]) {
      const sent = await me.ok('POST', '/chat/send/text', { ...target, text: 'Hi' })
      expect(sent.chatId).toBe(chatId)
    }
    expect(await texts(friend, chatId)).toEqual(['Hi', 'Hi', 'Hi', 'Hi'])
  })

  it('writes to Saved Messages as chat 0, or to oneself', async () => {
    const me = await world.enterOnline()
    await me.ok('POST', '/chat/send/text', { chatId: 0, text: 'note' })
    await me.ok('POST', '/chat/send/text', { userId: me.account.id, text: 'again' })
    expect(await texts(me, 0)).toEqual(['note', 'again'])
  })

  it('answers a message', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const question = await send(friend, chatId, 'question')
    await me.ok('POST', '/chat/send/text', { chatId, text: 'answer', replyTo: question })
    const [, answer] = await read(friend, chatId)
    expect(answer).toMatchObject({
      link: { type: 'REPLY', message: { id: question, text: 'question' } },
    })
  })

  it.each([
    ['[defect 41] an empty text', { text: '' }, 'text'],
    ['a text of white space', { text: ' \n ' }, 'text'],
    ['markup around nothing', { text: '<b> </b>', format: 'html' }, 'text'],
    ['a text of 4001 characters', { text: 'x'.repeat(4001) }, 'text'],
    ['an element behind the text', { text: 'ab', elements: [{ type: 'STRONG', length: 3 }] }, ''],
    ['no target', { text: 'ab', chatId: undefined }, 'chatId'],
  ])('refuses %s', async (_name, input, field) => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/chat/send/text', { chatId: 0, ...input })
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } })
    expect(answer.body.field).toBe(field || 'elements.0.length')
  })

  it('says NOT_FOUND for a phone that nobody has', async () => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/chat/send/text', { phone: '+79000000000', text: 'x' })
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  })
})

describe('POST /chat/send/edit', () => {
  const sticker = async (tenant: LiveTenant, chatId: number): Promise<string> =>
    String((await tenant.ok('POST', '/chat/send/sticker', { chatId, stickerId: 42 })).messageId)

  it('changes the text and tells what the message is now', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await send(me, chatId, 'frist')
    const edited = await me.ok('POST', '/chat/send/edit', {
      chatId,
      messageId,
      text: '*first*',
      format: 'markdown',
    })
    const expected = {
      id: messageId,
      text: 'first',
      status: 'EDITED',
      elements: [{ type: 'EMPHASIZED', from: 0, length: 5 }],
    }
    expect(edited).toMatchObject({ message: 'Message edited', editedMessage: expected })
    expect(await read(friend, chatId)).toMatchObject([expected])
    const event = await friend.session.event('MessageEdit')
    expect(event.event?.message).toMatchObject({ id: messageId, text: 'first' })
  })

  it('[defect 48] keeps the attachments unless told otherwise', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await sticker(me, chatId)
    await me.ok('POST', '/chat/send/edit', { chatId, messageId, text: 'with a text' })
    expect(await read(friend, chatId)).toMatchObject([
      { text: 'with a text', attaches: [{ _type: 'STICKER', stickerId: 42 }] },
    ])
  })

  it('removes them, or takes others in the form that MAX gave them', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await send(me, chatId, 'text')
    await sticker(me, 0)
    const [given] = await read(me, 0)
    const edit = { chatId, messageId }
    await me.ok('POST', '/chat/send/edit', { ...edit, attachments: given?.attaches })
    expect(await read(friend, chatId)).toMatchObject([
      { text: 'text', attaches: [{ _type: 'STICKER', stickerId: 42 }] },
    ])
    await me.ok('POST', '/chat/send/edit', { ...edit, attachments: 'remove' })
    expect(await read(friend, chatId)).toMatchObject([{ text: 'text', attaches: [] }])
    const empty = await me.call('POST', '/chat/send/edit', { ...edit, text: '' })
    expect(empty).toMatchObject({ status: 400, body: { field: 'text' } })
  })

  it('keeps the formatting of a text that is not given', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const sent = await me.ok('POST', '/chat/send/text', {
      chatId,
      text: `[N](max://user/${friend.account.id}) **b**`,
      format: 'markdown',
    })
    const before = await read(friend, chatId)
    await me.ok('POST', '/chat/send/edit', {
      chatId,
      messageId: sent.messageId,
      attachments: 'remove',
    })
    const after = await read(friend, chatId)
    expect(after[0]?.elements).toEqual(before[0]?.elements)
    expect(after[0]?.text).toBe(before[0]?.text)
  })

  it('[defect 45] edits in Saved Messages', async () => {
    const me = await world.enterOnline()
    const messageId = await send(me, 0, 'note')
    await me.ok('POST', '/chat/send/edit', { chatId: 0, messageId, text: 'better note' })
    expect(await texts(me, 0)).toEqual(['better note'])
  })

  it.each([
    ['a number that is not exact', '1e300'],
    ['an integer beyond 64 bits', '123456789012345678901234567890'],
    ['endless nesting', `${'['.repeat(50)}${']'.repeat(50)}`],
  ])('refuses an attachment that no frame can carry: %s', async (_name, value) => {
    const me = await world.enterOnline()
    const messageId = await send(me, 0, 'note')
    const answer = await world.edge.request('POST', '/chat/send/edit', {
      token: me.token,
      body: `{"chatId":0,"messageId":${messageId},"attachments":[{"_type":"X","x":${value}}]}`,
    })
    expect(answer).toMatchObject({ status: 400, body: { field: 'attachments.0' } })
    expect(await texts(me, 0)).toEqual(['note'])
  })

  it("passes MAX's refusal on for a message of somebody else", async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await send(friend, chatId, 'mine')
    const answer = await me.call('POST', '/chat/send/edit', { chatId, messageId, text: 'yours' })
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', maxError: { code: 'error.message.chat.access' } },
    })
    const missing = await me.call('POST', '/chat/send/edit', { chatId, messageId: '1', text: 'x' })
    expect(missing).toMatchObject({ status: 404, body: { field: 'messageId' } })
  })
})

describe('POST /chat/forward', () => {
  it('forwards several, in order, as messages of their own', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const ids = [await send(friend, chatId, 'one'), await send(friend, chatId, 'two')]
    const forwarded = await me.ok('POST', '/chat/forward', {
      fromChatId: chatId,
      messageIds: ids.toReversed(),
      chatId: 0,
    })
    const messages = await read(me, 0)
    expect(messages).toMatchObject([
      { link: { type: 'FORWARD', message: { id: ids[1], text: 'two' } } },
      { link: { type: 'FORWARD', message: { id: ids[0], text: 'one' } } },
    ])
    expect(forwarded.messages).toMatchObject([
      { messageId: messages[0]?.id, sourceMessageId: ids[1] },
      { messageId: messages[1]?.id, sourceMessageId: ids[0] },
    ])
  })

  it('repeats nothing under the same Idempotency-Key', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageIds = [await send(friend, chatId, 'one'), await send(friend, chatId, 'two')]
    const input = { fromChatId: chatId, messageIds, chatId: 0 }
    const headers = { 'Idempotency-Key': 'forward-1' }
    const first = await me.call('POST', '/chat/forward', input, headers)
    const second = await me.call('POST', '/chat/forward', input, headers)
    expect([first.status, second.body.messages]).toEqual([200, first.body.messages])
    expect(await read(me, 0)).toHaveLength(2)
  })

  it('says what went out when one of them fails', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const one = await send(friend, chatId, 'one')
    const answer = await me.call('POST', '/chat/forward', {
      fromChatId: chatId,
      messageIds: [one, '1'],
      chatId: 0,
    })
    expect(answer).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', details: { messages: [{ sourceMessageId: one }] } },
    })
    expect(await read(me, 0)).toHaveLength(1)
  })
})

describe('POST /chat/delete', () => {
  it('deletes for everybody, and the others hear of it', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await send(me, chatId, 'oops')
    await me.ok('POST', '/chat/delete', { chatId, messageIds: [messageId] })
    const event = await friend.session.event('MessageDelete')
    expect(event.event?.message).toMatchObject({ id: messageId })
    expect(await read(friend, chatId)).toEqual([])
    const again = await me.call('POST', '/chat/delete', { chatId, messageIds: [messageId] })
    expect(again).toMatchObject({ status: 404, body: { maxError: { code: 'not.found' } } })
  })

  it('deletes for this account alone', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const messageId = await send(friend, chatId, 'theirs')
    await me.ok('POST', '/chat/delete', { chatId, messageIds: [messageId], forMe: true })
    expect(await read(me, chatId)).toEqual([])
    expect(await texts(friend, chatId)).toEqual(['theirs'])
    const theirs = await send(friend, chatId, 'more')
    const answer = await me.call('POST', '/chat/delete', { chatId, messageIds: [theirs] })
    expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
  })

  it.each([[[]], [undefined], [[0]], [['x']]])('[defect 41] refuses the ids %j', async (ids) => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/chat/delete', { chatId: 0, messageIds: ids })
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } })
    expect(String(answer.body.field)).toMatch(/^messageIds/)
  })
})

describe('POST /chat/delete/range', () => {
  it('deletes what was written in a stretch of time', async () => {
    const { me, friend, chatId } = await enterGroup()
    await send(friend, chatId, 'one')
    const before = await read(me, chatId)
    const endTime = Number(before.at(-1)?.time)
    await expect.poll(() => Date.now()).toBeGreaterThan(endTime)
    await send(friend, chatId, 'two')
    const range = { chatId, startTime: Number(before[0]?.time), endTime }
    await me.ok('POST', '/chat/delete/range', { ...range, confirm: true })
    expect(await texts(friend, chatId)).toEqual(['two'])
  })

  it.each([
    [{}, 'confirm'],
    [{ confirm: false }, 'confirm'],
    [{ confirm: 'true' }, 'confirm'],
    [{ confirm: true, endTime: 1 }, 'endTime'],
    [{ confirm: true, startTime: 0 }, 'startTime'],
  ])('refuses %j', async (input, field) => {
    const { me, chatId } = await world.enterPair()
    await send(me, chatId, 'stays')
    const range = { chatId, startTime: 2, endTime: Date.now() + 60_000, ...input }
    const answer = await me.call('POST', '/chat/delete/range', range)
    expect(answer).toMatchObject({ status: 400, body: { field } })
    expect(await texts(me, chatId)).toEqual(['stays'])
  })

  it("leaves everything when some of it is not the account's to delete", async () => {
    const { me, friend, chatId } = await enterGroup()
    await send(me, chatId, "the owner's")
    const range = { chatId, startTime: 1, endTime: Date.now() + 60_000, confirm: true }
    const answer = await friend.call('POST', '/chat/delete/range', range)
    expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
    expect(await texts(me, chatId)).toEqual(["the owner's"])
  })
})

describe('POST /chat/pin and /chat/unpin', () => {
  it('pins in a group, one at a time, and takes it down', async () => {
    const { me, friend, chatId } = await enterGroup()
    const [one, two] = [await send(friend, chatId, 'one'), await send(friend, chatId, 'two')]
    await me.ok('POST', '/chat/pin', { chatId, messageId: one })
    const pinned = await me.ok('POST', '/chat/pin', { chatId, messageId: two, notify: false })
    expect(pinned.chat).toMatchObject({
      pinnedMessageId: two,
      pinnedMessage: { id: two, text: 'two' },
    })
    const isPin = (body: object): boolean => JSON.stringify(body).includes('CONTROL')
    const event = await friend.session.event('Message', isPin)
    expect(event.event?.message).toMatchObject({
      attaches: [{ _type: 'CONTROL', event: 'pin', pinnedMessage: { id: one } }],
    })
    const unpinned = await me.ok('POST', '/chat/unpin', { chatId })
    expect(unpinned.chat).not.toHaveProperty('pinnedMessageId')
  })

  it('is not for everybody, and not for dialogs', async () => {
    const { me, friend, chatId } = await enterGroup()
    const messageId = await send(me, chatId, 'one')
    const forbidden = await friend.call('POST', '/chat/pin', { chatId, messageId })
    expect(forbidden).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
    const dialog = { userId: friend.account.id }
    const sent = await me.ok('POST', '/chat/send/text', { ...dialog, text: 'x' })
    const inDialog = await me.call('POST', '/chat/pin', { ...dialog, messageId: sent.messageId })
    expect(inDialog).toMatchObject({ status: 404, body: { maxError: { code: 'not.found' } } })
    const unpin = await me.call('POST', '/chat/unpin', dialog)
    expect(unpin).toMatchObject({ status: 404, body: { maxError: { code: 'chat.not.found' } } })
  })
})

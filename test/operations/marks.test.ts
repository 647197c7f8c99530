import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** Three messages of a friend, each in a millisecond of its own. */
const enterUnread = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const ids: string[] = []
  for (const text of ['one', 'two', 'three']) {
    const before = Date.now()
    await expect.poll(() => Date.now()).toBeGreaterThan(before)
    ids.push(String((await friend.ok('POST', '/chat/send/text', { chatId, text })).messageId))
  }
  return { me, friend, chatId, ids }
}

describe('POST /chat/markread', () => {
  it('[defect 48] reads up to the message and no further, and the other side hears of it', async () => {
    const { me, friend, chatId, ids } = await enterUnread()
    const read = (at: number) => me.ok('POST', '/chat/markread', { chatId, messageId: ids[at] })
    expect(await read(1)).toMatchObject({ message: 'Marked as read', unread: 1 })
    const event = await friend.session.event('ReadReceipt')
    const mark = Number(BigInt(ids[1] ?? 0) >> 16n)
    expect(event.event).toMatchObject({ userId: me.account.id, chatId, mark })
    expect(await read(2)).toMatchObject({ unread: 0 })
  })

  it('[defect 45] reads in Saved Messages', async () => {
    const me = await world.enterOnline()
    const { messageId } = await me.ok('POST', '/chat/send/text', { chatId: 0, text: 'note' })
    const read = await me.ok('POST', '/chat/markread', { chatId: 0, messageId })
    expect(read.unread).toBe(0)
  })
})

describe('POST /chat/markunread', () => {
  it('sets a chat back to unread', async () => {
    const { me, chatId, ids } = await enterUnread()
    await me.ok('POST', '/chat/markread', { chatId, messageId: ids[2] })
    expect(await me.ok('POST', '/chat/markunread', { chatId })).toMatchObject({ unread: 1 })
    const { chats } = (await me.session.live?.call(Opcode.CHAT_INFO, { chatIds: [chatId] })) ?? {}
    expect(chats).toMatchObject([{ newMessages: 1, markedAsUnread: true }])
  })
})

describe('typing', () => {
  it.each([
    ['/chat/typing', { kind: 'AUDIO' }, 'AUDIO'],
    ['/chat/typing', {}, 'TEXT'],
    ['/user/presence', {}, 'TEXT'],
    ['/chat/presence', {}, 'TEXT'],
  ])('POST %s with %j shows %s to whoever has the chat open', async (path, input, type) => {
    const { me, friend, chatId } = await world.enterPair()
    await friend.session.live?.call(Opcode.CHAT_SUBSCRIBE, { chatId, subscribe: true })
    await me.ok('POST', path, { chatId, ...input })
    const event = await friend.session.event('Typing')
    expect(event.event).toMatchObject({ chatId, userId: me.account.id, type })
  })

  it('[defect 42] refuses a kind that MAX does not know', async () => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/chat/typing', { chatId: 0, kind: 'DANCE' })
    expect(answer).toMatchObject({ status: 400, body: { field: 'kind' } })
  })
})

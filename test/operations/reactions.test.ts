import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const enterMessage = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const sent = await friend.ok('POST', '/chat/send/text', { chatId, text: 'Hello' })
  const message = { chatId, messageId: String(sent.messageId) }
  return { me, friend, chatId, message }
}

const thumb = { count: 1, reaction: '👍' }

describe('reactions', () => {
  it('are given, replaced and taken back, and the answer has what is there now', async () => {
    const { me, friend, message } = await enterMessage()
    const react = (reaction?: string) => me.ok('POST', '/chat/react', { ...message, reaction })
    expect(await react('👍')).toMatchObject({
      message: 'Reaction updated',
      reactionInfo: { totalCount: 1, counters: [thumb], yourReaction: '👍' },
    })
    const event = await friend.session.event('ReactionChange')
    expect(event.event).toMatchObject({ messageId: message.messageId, counters: [thumb] })
    expect(await react('❤️')).toMatchObject({ reactionInfo: { yourReaction: '❤️' } })
    const none = { reactionInfo: { totalCount: 0, counters: [] } }
    expect(await react('')).toMatchObject(none)
    expect(await react()).toMatchObject(none)
  })

  it('are counted for many messages at once, those without any included', async () => {
    const { me, friend, chatId, message } = await enterMessage()
    const written = world.sim.direct.incomingBulk(
      Array.from({ length: 90 }, (_, at) => ({
        to: me.account.id,
        from: friend.account.id,
        text: String(at),
      })),
    )
    const last = String(written.at(-1)?.messageId)
    await friend.ok('POST', '/chat/react', { chatId, messageId: last, reaction: '👍' })
    const messageIds = [message.messageId, ...written.map(({ messageId }) => messageId), '1']
    const { reactions } = await me.ok('POST', '/chat/reactions', { chatId, messageIds })
    expect(Object.keys(reactions as object)).toHaveLength(92)
    expect(reactions).toMatchObject({
      [last]: { totalCount: 1, counters: [thumb] },
      [message.messageId]: { totalCount: 0, counters: [] },
      1: { totalCount: 0, counters: [] },
    })
  })

  it('are listed by person, all or those of one kind, page by page', async () => {
    const { me, friend, message } = await enterMessage()
    await me.ok('POST', '/chat/react', { ...message, reaction: '👍' })
    await friend.ok('POST', '/chat/react', { ...message, reaction: '🔥' })
    const who = (input: object = {}) =>
      me.ok('POST', '/chat/reactions/who', { ...message, ...input })
    expect((await who()).reactions).toEqual(
      expect.arrayContaining([
        { userId: me.account.id, reaction: '👍' },
        { userId: friend.account.id, reaction: '🔥' },
      ]),
    )
    expect((await who({ reaction: '🔥' })).reactions).toEqual([
      { userId: friend.account.id, reaction: '🔥' },
    ])
    const first = await who({ count: 1 })
    const second = await who({ count: 1, marker: first.marker })
    expect([first.reactions, second.reactions]).toMatchObject([[{}], [{}]])
    expect(second).not.toHaveProperty('marker')
    expect(second.reactions).not.toEqual(first.reactions)
  })

  it("pass MAX's refusal on", async () => {
    const { me, message } = await enterMessage()
    const answer = await me.call('POST', '/chat/react', { ...message, reaction: 'word' })
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'MAX_REFUSED', maxError: { code: 'error.message.like.unknown.reaction' } },
    })
  })
})

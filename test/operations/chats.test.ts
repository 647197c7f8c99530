import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge({ chatsPageSize: 3 })
})
afterAll(() => world.close())

interface Chat {
  id: number
  type: string
  title?: string
}

const createGroup = (owner: LiveTenant, title: string, type: 'CHAT' | 'CHANNEL' = 'CHAT') =>
  world.sim.direct.createGroup({ type, ownerId: owner.account.id, title, userIds: [] }).chat.id

const listed = async (tenant: LiveTenant): Promise<number[]> =>
  ((await tenant.ok('GET', '/chat/list')).chats as Chat[]).map(({ id }) => id)

describe('the chat list', () => {
  it('pages through all chats, whatever MAX’s page size, and loses none of one millisecond', async () => {
    const me = await world.enterOnline()
    // Pairs that share a millisecond, in pages of three: some pair is always torn apart.
    const made = [0, 2, 4, 6, 8].flatMap((n) => {
      const pair = [n, n + 1].map((at) => createGroup(me, `Group ${at}`))
      const now = Date.now()
      while (Date.now() === now);
      return pair
    })
    const pages: number[][] = []
    let cursor: unknown
    do {
      const query = cursor ? `&cursor=${encodeURIComponent(String(cursor))}` : ''
      const page = await me.ok('GET', `/chat/list?limit=4${query}`)
      pages.push((page.chats as Chat[]).map(({ id }) => id))
      expect(page.count).toBe(pages.at(-1)?.length)
      cursor = page.nextCursor
    } while (cursor !== null && pages.length < 9)
    expect(pages.map((page) => page.length)).toEqual([4, 4, 3])
    expect(pages.flat().sort()).toEqual([...made, 0].sort())
  })

  it('gives one kind alone', async () => {
    const { me, chatId } = await world.enterPair()
    const group = createGroup(me, 'Group')
    const channel = createGroup(me, 'Channel', 'CHANNEL')
    const ofType = async (type: string) =>
      ((await me.ok('GET', `/chat/list?type=${type}`)).chats as Chat[]).map(({ id }) => id)
    expect(await ofType('group')).toEqual([group])
    expect(await ofType('channel')).toEqual([channel])
    expect((await ofType('dialog')).sort()).toEqual([0, chatId].sort())
    expect(await me.call('GET', '/chat/list?type=bots')).toMatchObject({ status: 400 })
    // The second is more than a frame can carry as a time.
    for (const cursor of ['x', '9007199254740993']) {
      expect(await me.call('GET', `/chat/list?cursor=${cursor}`)).toMatchObject({ status: 400 })
    }
  })

  it('tells chats by their ids, and which are not there', async () => {
    const { me, chatId } = await world.enterPair()
    const group = createGroup(me, 'Group')
    const info = await me.ok('POST', '/chat/info', { chatIds: [String(group), chatId, 0, -5] })
    expect((info.chats as Chat[]).map(({ id }) => id)).toEqual([group, chatId, 0])
    expect(info.missing).toEqual([-5])
    expect(await me.call('POST', '/chat/info', {})).toMatchObject({ status: 400 })
  })
})

describe('deleting and clearing', () => {
  it('asks for a confirmation', async () => {
    const { me, chatId } = await world.enterPair()
    for (const path of ['/chat/remove', '/chat/clear']) {
      for (const confirm of [undefined, false, 'true']) {
        expect(await me.call('POST', path, { chatId, confirm })).toMatchObject({
          status: 400,
          body: { field: 'confirm' },
        })
      }
    }
    expect(await listed(me)).toContain(chatId)
  })

  it('removes a dialog from the own list until somebody writes again', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await me.ok('POST', '/chat/send/text', { chatId, text: 'old' })
    await me.ok('POST', '/chat/remove', { chatId, confirm: true })
    expect([await listed(me), await listed(friend)]).toMatchObject([[0], [chatId, 0]])
    await friend.ok('POST', '/chat/send/text', { chatId, text: 'new' })
    expect(await listed(me)).toContain(chatId)
    const { messages } = await me.ok('POST', '/chat/history', { chatId })
    expect(messages).toMatchObject([{ text: 'new' }])
  })

  it('leaves a group that is removed for all', async () => {
    const { me, friend } = await world.enterPair()
    const chatId = createGroup(me, 'Group')
    const userIds = [friend.account.id]
    await me.ok('POST', '/group/members/add', { chatId, userIds })
    await friend.ok('POST', '/chat/remove', { chatId, forAll: true, confirm: true })
    expect(await listed(friend)).not.toContain(chatId)
    const { chat } = await me.ok('POST', '/group/info', { chatId })
    expect(chat).toMatchObject({ participantsCount: 1 })
  })

  it('clears a history, for one or for both', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const count = async (tenant: LiveTenant) =>
      ((await tenant.ok('POST', '/chat/history', { chatId })).messages as unknown[]).length
    await me.ok('POST', '/chat/send/text', { chatId, text: 'one' })
    await me.ok('POST', '/chat/clear', { chatId, confirm: true })
    expect([await count(me), await count(friend)]).toEqual([0, 1])
    expect(await listed(me)).toContain(chatId)
    await me.ok('POST', '/chat/send/text', { chatId, text: 'two' })
    await me.ok('POST', '/chat/clear', { chatId, forAll: true, confirm: true })
    expect([await count(me), await count(friend)]).toEqual([0, 0])
  })

  it('hides a chat', async () => {
    const me = await world.enterOnline()
    const chatId = createGroup(me, 'Group')
    await me.ok('POST', '/chat/hide', { chatId })
    expect(await listed(me)).not.toContain(chatId)
    const { chat } = await me.ok('POST', '/group/info', { chatId })
    expect(chat).toMatchObject({ status: 'HIDDEN' })
  })
})

describe('notifications', () => {
  it('mutes for ever or until a time, and unmutes', async () => {
    const { me, chatId } = await world.enterPair()
    const muted = async (tenant = me) =>
      ((await tenant.ok('POST', '/group/info', { chatId })).chat as { mutedUntil?: unknown })
        .mutedUntil
    expect(await me.ok('POST', '/chat/mute', { chatId })).toMatchObject({ mutedUntil: 'forever' })
    expect(await muted()).toBe('forever')
    const until = Date.now() + 3_600_000
    await me.ok('POST', '/chat/mute', { chatId: String(chatId), until })
    // The same account under another tenant is told so by MAX at its login.
    const elsewhere = await world.enter(me.account)
    const { token: authToken } = world.sim.direct.issueToken(me.account.id)
    await elsewhere.ok('POST', '/session/auth/token', { authToken })
    expect([await muted(), await muted(elsewhere)]).toEqual([until, until])
    await me.ok('POST', '/chat/unmute', { chatId })
    expect(await muted()).toBeUndefined()
    await vi.waitFor(async () => expect(await muted(elsewhere)).toBeUndefined())
    for (const wrong of [1, 'tomorrow', -1]) {
      const answer = await me.call('POST', '/chat/mute', { chatId, until: wrong })
      expect(answer).toMatchObject({ status: 400, body: { field: 'until' } })
    }
  })

  it('gets typing events of a chat it subscribed to', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await me.ok('POST', '/chat/subscribe', { chatId })
    await friend.session.live?.call(Opcode.MSG_TYPING, { chatId })
    const event = await me.session.event('Typing')
    expect(event.event).toMatchObject({ chatId, userId: friend.account.id })
    const ended = await me.ok('POST', '/chat/subscribe', { chatId, subscribe: false })
    expect(ended.message).toBe('Unsubscribed')
  })

  it('hides the pin bar and shows it again', async () => {
    const me = await world.enterOnline()
    const chatId = createGroup(me, 'Group')
    const hidden = await me.ok('POST', '/chat/pinbar', { chatId, show: false })
    expect(hidden.chat).toMatchObject({ hidePinnedMessage: true })
    const shown = await me.ok('POST', '/chat/pinbar', { chatId, show: true })
    expect(shown.chat).not.toHaveProperty('hidePinnedMessage')
  })
})

describe('finding', () => {
  it('finds public channels and groups by name, in pages, and people', async () => {
    const me = await world.enterOnline('Zebediah')
    const seeker = await world.enterOnline()
    for (const [n, type] of (['CHANNEL', 'CHANNEL', 'CHAT'] as const).entries()) {
      const chatId = createGroup(me, `Zebras ${n}`, type)
      await me.ok('POST', '/group/link', { chatId, name: `zebras_${n}` })
    }
    createGroup(me, 'Zebras in private', 'CHANNEL')
    const search = (input: object) =>
      seeker.ok('POST', '/search/public', { query: 'zeb', ...input })
    const everything = await search({})
    expect((everything.results as { kind: string }[]).map(({ kind }) => kind)).toEqual([
      'chat',
      'chat',
      'chat',
      'contact',
    ])
    const channels = await search({ type: 'channels', count: 1 })
    expect(channels).toMatchObject({ total: 2, results: [{ chat: { title: 'Zebras 0' } }] })
    const rest = await search({ type: 'channels', count: 1, cursor: channels.nextCursor })
    expect(rest).toMatchObject({ results: [{ chat: { title: 'Zebras 1' } }], nextCursor: null })
    expect(await search({ type: 'chats' })).toMatchObject({ total: 1 })
  })
})

describe('reaction settings', () => {
  it('are set, read back and reset', async () => {
    const { me, friend } = await world.enterPair()
    const chatId = createGroup(me, 'Group')
    const read = async () =>
      (await me.ok('GET', `/chat/reactionsettings?chatId=${chatId}`)).settings as object
    const before = await read()
    const input = { chatId, allowed: ['👍'], max: 2 }
    const set = await me.ok('POST', '/chat/reactionsettings', input)
    expect(set.settings).toMatchObject({ isActive: true, included: true, reactionIds: ['👍'] })
    expect(await read()).toEqual(set.settings)
    const { messageId } = await me.ok('POST', '/chat/send/text', { chatId, text: 'Well?' })
    const react = (reaction: string) =>
      me.call('POST', '/chat/react', { chatId, messageId, reaction })
    expect(await react('👎')).toMatchObject({
      status: 422,
      body: { maxError: { code: 'error.reactions.not.allowed' } },
    })
    expect(await react('👍')).toMatchObject({ status: 200 })
    const reset = await me.ok('POST', '/chat/reactionsettings', { chatId, reset: true })
    expect(reset.settings).toEqual(before)
    const both = { chatId, allowed: ['👍'], refused: ['👎'] }
    expect(await me.call('POST', '/chat/reactionsettings', both)).toMatchObject({ status: 400 })
    expect(await friend.call('POST', '/chat/reactionsettings', input)).toMatchObject({
      status: 404,
    })
  })
})

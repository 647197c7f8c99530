import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

type Message = Record<string, unknown> & { id: string }
type Page = { messages: Message[]; hasMore: boolean }

const textsOf = ({ messages }: Page): unknown[] => messages.map(({ text }) => text)

/** A dialog with numbered messages; bursts of them share a millisecond. */
const enterChat = async (count: number) => {
  const { me, friend, chatId } = await world.enterPair()
  const incoming = Array.from({ length: count }, (_, at) => ({
    to: me.account.id,
    from: friend.account.id,
    text: String(at),
  }))
  const written = world.sim.direct.incomingBulk(incoming)
  const history = async (input: object = {}): Promise<Page> =>
    (await me.ok('POST', '/chat/history', { chatId, ...input })) as unknown as Page
  return { me, friend, chatId, history, ids: written.map(({ messageId }) => messageId) }
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => String(from + at))

describe('POST /chat/history', () => {
  it('gives the newest messages, oldest first, and says whether there are more', async () => {
    const { history } = await enterChat(7)
    expect(await history()).toMatchObject({ hasMore: false })
    expect(textsOf(await history())).toEqual(numbers(0, 7))
    const page = await history({ count: 3 })
    expect([textsOf(page), page.hasMore]).toEqual([['4', '5', '6'], true])
    expect(textsOf(await history({ count: 0 }))).toHaveLength(7)
    expect(textsOf(await history({ limit: 2, count: 5 }))).toEqual(['5', '6'])
  })

  it('pages back and forth without a gap or a repeat, also within one millisecond', async () => {
    const { history } = await enterChat(25)
    const back: Message[] = []
    for (let before: string | undefined; ; before = back[0]?.id) {
      const page = await history({ limit: 4, ...(before === undefined ? {} : { before }) })
      back.unshift(...page.messages)
      if (!page.hasMore) break
    }
    expect(back.map(({ text }) => text)).toEqual(numbers(0, 25))
    const forth: Message[] = []
    for (let after: string | number = 1; ; after = forth.at(-1)?.id ?? 1) {
      const page = await history({ limit: 6, after })
      forth.push(...page.messages)
      if (!page.hasMore) break
    }
    expect(forth.map(({ id }) => id)).toEqual(back.map(({ id }) => id))
  })

  it('takes times as well, in milliseconds', async () => {
    const { me, friend, chatId, history } = await enterChat(1)
    const [first] = (await history()).messages
    const time = Number(first?.time)
    await expect.poll(() => Date.now()).toBeGreaterThan(time)
    await friend.ok('POST', '/chat/send/text', { chatId, text: 'later' })
    expect(textsOf(await history({ fromTime: time }))).toEqual(['0'])
    expect(textsOf(await history({ fromTime: time - 1 }))).toEqual([])
    expect(textsOf(await history({ before: time }))).toEqual([])
    expect(textsOf(await history({ after: time }))).toEqual(['later'])
    const farAhead = { fromTime: Number.MAX_SAFE_INTEGER }
    expect(textsOf(await history(farAhead))).toEqual(['0', 'later'])
    const both = await me.call('POST', '/chat/history', { chatId, before: 1, after: 1 })
    expect(both).toMatchObject({ status: 400, body: { field: 'after' } })
    const past = await me.call('POST', '/chat/history', { chatId, before: -1 })
    expect(past).toMatchObject({ status: 400, body: { field: 'before' } })
  })

  it('[defect 43] is an empty list where nothing was written', async () => {
    const me = await world.enterOnline()
    expect(await me.ok('POST', '/chat/history', { chatId: 0 })).toMatchObject({
      messages: [],
      hasMore: false,
    })
  })

  it('[defect 33] [defect 34] keeps every message whole, with fields that nobody knows', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const odd = { _type: 'HOLOGRAM', depth: 3, hologramId: 9_007_199_254_740_993n, parts: [null] }
    const { messageId } = world.sim.direct.incoming({
      to: me.account.id,
      from: friend.account.id,
      text: '',
      attaches: [odd],
    })
    expect((await me.ok('POST', '/chat/history', { chatId })).messages).toMatchObject([
      {
        id: messageId,
        chatId,
        attaches: [{ ...odd, hologramId: '9007199254740993' }],
        reactionInfo: {},
      },
    ])
  })

  it('marks nothing as read', async () => {
    const { me, history } = await enterChat(2)
    await history()
    const { accounts } = world.sim.world
    expect(accounts.has(me.account.id)).toBe(true)
    const [state] = [...world.sim.world.chatsOf(me.account.id)].filter(
      ({ messages }) => messages.length === 2,
    )
    expect(state?.members.get(me.account.id)?.unread).toBe(2)
  })
})

describe('POST /chat/messages', () => {
  it('gives messages in the order of their ids, and names what is missing', async () => {
    const { me, chatId, ids } = await enterChat(3)
    const found = await me.ok('POST', '/chat/messages', {
      chatId,
      messageIds: [ids[2], '1', ids[0], ids[2]],
    })
    expect(textsOf(found as unknown as Page)).toEqual(['2', '0'])
    expect(found.missing).toEqual(['1'])
  })

  it('says NOT_FOUND for a chat that is not theirs', async () => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/chat/messages', { chatId: -5, messageIds: ['1'] })
    expect(answer).toMatchObject({ status: 404, body: { maxError: { code: 'chat.not.found' } } })
  })
})

describe('POST /chat/media', () => {
  const enterGallery = async () => {
    const { me, friend, chatId } = await world.enterPair()
    const share = (at: number) => ({ _type: 'SHARE', shareId: at, url: 'https://a.b' })
    const photo = (at: number) => ({ _type: 'PHOTO', photoId: at, baseUrl: 'https://a.b' })
    world.sim.direct.incomingBulk(
      Array.from({ length: 12 }, (_, at) => ({
        to: me.account.id,
        from: friend.account.id,
        text: String(at),
        // Every third has nothing, the others a photo or a link.
        attaches: at % 3 === 0 ? [] : [at % 3 === 1 ? photo(at) : share(at)],
      })),
    )
    const media = async (input: object): Promise<Page & { total: number }> =>
      (await me.ok('POST', '/chat/media', { chatId, ...input })) as never
    return { me, chatId, media }
  }

  it('finds the messages that have media, of some kinds or of all', async () => {
    const { media } = await enterGallery()
    expect(textsOf(await media({}))).toEqual(['1', '2', '4', '5', '7', '8', '10', '11'])
    const photos = await media({ types: ['PHOTO'] })
    expect([textsOf(photos), photos.total]).toEqual([['1', '4', '7', '10'], 4])
  })

  it('pages in both directions from a message', async () => {
    const { media } = await enterGallery()
    const first = await media({ limit: 3 })
    expect([textsOf(first), first.hasMore]).toEqual([['8', '10', '11'], true])
    const second = await media({ limit: 3, before: first.messages[0]?.id })
    expect([textsOf(second), second.hasMore]).toEqual([['4', '5', '7'], true])
    const third = await media({ limit: 3, before: second.messages[0]?.id })
    expect([textsOf(third), third.hasMore]).toEqual([['1', '2'], false])
    const forth = await media({ limit: 3, after: third.messages.at(-1)?.id })
    expect([textsOf(forth), forth.hasMore]).toEqual([['4', '5', '7'], true])
  })

  it('is empty for a chat without messages', async () => {
    const me = await world.enterOnline()
    expect(await me.ok('POST', '/chat/media', { chatId: 0 })).toMatchObject({
      messages: [],
      hasMore: false,
      total: 0,
    })
    const wrong = await me.call('POST', '/chat/media', { chatId: 0, types: ['SONG'] })
    expect(wrong).toMatchObject({ status: 400, body: { field: 'types.0' } })
  })
})

describe('POST /chat/search', () => {
  const write = (tenant: LiveTenant, chatId: number, text: string) =>
    tenant.ok('POST', '/chat/send/text', { chatId, text })

  it('finds words by their beginnings in one chat, newest first, page by page', async () => {
    const { me, friend, chatId } = await world.enterPair()
    for (const text of ['Привет мир', 'другое', 'приветствие', 'мир и Привет']) {
      await write(friend, chatId, text)
    }
    await write(me, 0, 'привет')
    const search = (input: object) => me.ok('POST', '/chat/search', { chatId, ...input })
    const found = await search({ query: 'ПРИВ' })
    expect(found).toMatchObject({
      total: 3,
      results: [
        { chatId, message: { text: 'мир и Привет' }, highlights: ['привет'] },
        { chatId, message: { text: 'приветствие' } },
        { chatId, message: { text: 'Привет мир' } },
      ],
    })
    expect(found).not.toHaveProperty('marker')
    expect((await search({ query: 'прив мир' })).results).toHaveLength(2)
    const first = await search({ query: 'прив', count: 2 })
    const second = await search({ query: 'прив', count: 2, marker: first.marker })
    expect([first.results, second.results]).toMatchObject([
      [{}, {}],
      [{ message: { text: 'Привет мир' } }],
    ])
    expect(second).not.toHaveProperty('marker')
  })

  it('[defect 43] answers an empty list when nothing fits', async () => {
    const me = await world.enterOnline()
    const nothing = { query: 'nothing' }
    expect((await me.ok('POST', '/chat/search', nothing)).results).toEqual([])
    expect((await me.ok('POST', '/chat/search', { ...nothing, chatId: 0 })).results).toEqual([])
    const answer = await me.call('POST', '/chat/search', { query: ' ' })
    expect(answer).toMatchObject({ status: 400, body: { field: 'query' } })
  })

  it('finds messages and titles everywhere when no chat is given', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await write(friend, chatId, 'team spirit')
    await write(me, 0, 'team list')
    await write(me, 0, 'team of one')
    const group = world.sim.direct.createGroup({
      type: 'CHAT',
      ownerId: me.account.id,
      title: 'Team',
      userIds: [],
    })
    const found = await me.ok('POST', '/chat/search', { query: 'team' })
    expect(found).toMatchObject({
      total: 3,
      results: [
        { chatId: 0, section: 'MESSAGES', count: 2, message: { chatId: 0, text: 'team of one' } },
        { chatId, section: 'MESSAGES', message: { text: 'team spirit' } },
        { chatId: group.chat.id, section: 'CHATS', chat: { title: 'Team' } },
      ],
    })
    const first = await me.ok('POST', '/chat/search', { query: 'team', count: 2 })
    const second = await me.ok('POST', '/chat/search', { query: 'team', marker: first.marker })
    expect(second.results).toMatchObject([{ section: 'CHATS' }])
  })
})

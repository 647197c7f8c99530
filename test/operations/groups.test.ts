import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
  link: string
  [field: string]: unknown
}

/** A new group of `me` with `friend` in it. */
const createTeam = async (path = '/group/create') => {
  const { me, friend, chatId: dialogId } = await world.enterPair()
  const participants = [friend.account.id]
  const { chat } = await me.ok('POST', path, { name: 'Team', participants })
  return { me, friend, dialogId, chat: chat as Chat, chatId: (chat as Chat).id }
}

const infoOf = async (tenant: LiveTenant, chatId: number): Promise<Chat> =>
  (await tenant.ok('POST', '/group/info', { chatId })).chat as Chat

describe('creating', () => {
  it('creates a group that the others are in and hear of', async () => {
    const { me, friend, chat, chatId } = await createTeam()
    expect(chat).toMatchObject({
      type: 'CHAT',
      title: 'Team',
      owner: me.account.id,
      participantsCount: 2,
      myRole: 'owner',
      options: {},
    })
    expect(chatId).toBeLessThan(-(2 ** 32))
    const event = await friend.session.event('ChatUpdate')
    expect(event.event).toMatchObject({ chat: { id: chatId, title: 'Team' } })
    expect(await infoOf(friend, chatId)).toMatchObject({ title: 'Team', myRole: 'member' })
  })

  it('creates a channel, which takes the group operations', async () => {
    const { me, friend, chat, chatId } = await createTeam('/channel/create')
    expect(chat).toMatchObject({ type: 'CHANNEL', access: 'PRIVATE', myRole: 'owner' })
    await me.ok('POST', '/group/name', { chatId, name: 'News' })
    await me.ok('POST', '/group/description', { chatId, description: 'What is new' })
    expect(await infoOf(friend, chatId)).toMatchObject({
      title: 'News',
      description: 'What is new',
      myRole: 'member',
    })
    await friend.ok('POST', '/group/leave', { chatId })
    expect(await infoOf(me, chatId)).toMatchObject({ participantsCount: 1 })
  })

  it('creates one group for one Idempotency-Key', async () => {
    const { me } = await world.enterPair()
    const create = () =>
      me.ok('POST', '/group/create', { name: 'Once' }, { 'idempotency-key': 'k' })
    expect((await create()).chat).toEqual((await create()).chat)
    expect((await me.ok('GET', '/group/list')).groups).toHaveLength(1)
  })

  it('[defect 42] an empty name is the caller’s mistake, not a 500', async () => {
    const { me, chatId } = await createTeam()
    for (const name of ['', '   ']) {
      expect(await me.call('POST', '/group/create', { name })).toMatchObject({
        status: 400,
        body: { code: 'INVALID_INPUT', field: 'name' },
      })
      expect(await me.call('POST', '/group/name', { chatId, name })).toMatchObject({ status: 400 })
    }
  })

  it('[defect 43] a created chat is never null, even if MAX leaves it out of its answer', async () => {
    const { me } = await world.enterPair()
    const made = world.sim.direct.createGroup({
      type: 'CHAT',
      ownerId: me.account.id,
      title: 'Told by id alone',
      userIds: [],
    })
    const { createGroup } = (await import('../../schema/operations/groups.ts')).groupOperations
    const live = me.session.live
    if (!live) throw new Error('the session is not there')
    const call: typeof live.call = async (opcode, payload) =>
      opcode === Opcode.MSG_SEND ? { chatId: made.chat.id } : live.call(opcode, payload)
    const { userId, account } = live
    const parts = { call, userId, account, now: Date.now, newCid: () => 1 }
    const session = parts as unknown as typeof live
    const input = createGroup.input.parse({ name: 'Told by id alone' })
    const answer = await createGroup.run(session, input, { tenantId: '', generation: 0 })
    expect(answer.chat).toMatchObject({ id: made.chat.id, title: 'Told by id alone' })
  })
})

describe('lists', () => {
  it('gives all groups and channels, and with dialogs their counts', async () => {
    const { me, friend, chatId, dialogId } = await createTeam()
    const channel = await me.ok('POST', '/channel/create', { name: 'News' })
    const { groups, channels, complete } = await me.ok('GET', '/group/list')
    expect({ groups, channels }).toMatchObject({
      groups: [{ id: chatId }],
      channels: [{ id: (channel.chat as Chat).id }],
    })
    expect(complete).toBe(true)
    const all = await friend.ok('GET', '/user/chats')
    expect(all.counts).toEqual({ dialogs: 2, groups: 1, channels: 0 })
    const dialogs = (all.dialogs as Chat[]).map(({ id }) => id)
    expect(dialogs.sort()).toEqual([0, dialogId].sort())
    // The sandbox's saved messages have a number for options, as some dialogs of MAX do.
    for (const dialog of all.dialogs as Chat[]) expect(dialog.options).toEqual({})
  })

  it('[defect 43] an account without groups gets empty lists, never null', async () => {
    const me = await world.enterOnline()
    expect(await me.ok('GET', '/group/list')).toMatchObject({ groups: [], channels: [] })
    expect(await me.ok('GET', '/user/chats')).toMatchObject({ groups: [], channels: [] })
  })
})

describe('titles and topics', () => {
  it('[defect 44] a topic is cleared by an empty one', async () => {
    const { me, friend, chatId } = await createTeam()
    await me.ok('POST', '/group/topic', { chatId, topic: 'Where we talk' })
    expect(await infoOf(friend, chatId)).toMatchObject({ description: 'Where we talk' })
    await me.ok('POST', '/group/topic', { chatId, topic: '' })
    expect((await infoOf(friend, chatId)).description).toBeUndefined()
  })

  it('renames for everybody, with a service message', async () => {
    const { me, friend, chatId } = await createTeam()
    await me.ok('POST', '/group/name', { chatId, name: 'The team' })
    const event = await friend.session.event('Message', ({ event }) =>
      JSON.stringify(event).includes('"title":"The team"'),
    )
    expect(event.event).toMatchObject({ chatId })
    expect(await infoOf(friend, chatId)).toMatchObject({ title: 'The team' })
  })
})

describe('[defect 42] errors say what happened', () => {
  it('answers 404 only for what is not there', async () => {
    const { me, chatId } = await createTeam()
    const stranger = await world.enterOnline()
    const missing = await me.call('POST', '/group/info', { chatId: -1 })
    expect(missing).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', field: 'chatId' } })
    expect(await stranger.call('POST', '/group/info', { chatId })).toMatchObject({ status: 404 })
    const links = await stranger.call('POST', '/group/join', { link: 'join/nothing' })
    expect(links).toMatchObject({ status: 404, body: { maxError: { code: 'not.found' } } })

    world.sim.direct.fault({
      kind: 'error',
      code: 'service.unavailable',
      opcode: Opcode.CHAT_INFO,
      count: 1,
      delayMs: 0,
      userId: me.account.id,
    })
    expect(await me.call('POST', '/group/info', { chatId })).toMatchObject({ status: 503 })
  })

  it('passes a refusal of MAX on with its words', async () => {
    const { friend, chatId } = await createTeam()
    expect(await friend.call('POST', '/group/owner', { chatId, userId: 1 })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', maxError: { code: 'error.message.chat.access' } },
    })
  })
})

describe('[defect 36] an unknown participants operation is refused', () => {
  it.each(['', 'Add', 'promote', 'delete', 1, null])('%j removes nobody', async (operation) => {
    const { me, friend, chatId } = await createTeam()
    const userIds = [friend.account.id]
    const input = { chatId, userIds, operation }
    expect(await me.call('POST', '/group/updateparticipants', input)).toMatchObject({
      status: 400,
      body: { field: 'operation' },
    })
    expect(await infoOf(me, chatId)).toMatchObject({ participantsCount: 2 })
  })

  it('adds with history and removes as asked', async () => {
    const { me, friend, chatId } = await createTeam()
    await me.ok('POST', '/chat/send/text', { chatId, text: 'before' })
    const third = await world.enterOnline('Third')
    const userIds = [third.account.id]
    await me.ok('POST', '/group/updateparticipants', { chatId, userIds, operation: 'add' })
    const { messages } = await third.ok('POST', '/chat/history', { chatId })
    expect((messages as { text: string }[]).map(({ text }) => text)).toContain('before')
    const gone = { chatId, userIds: [friend.account.id], operation: 'remove' }
    await me.ok('POST', '/group/updateparticipants', gone)
    expect(await friend.call('POST', '/group/info', { chatId })).toMatchObject({ status: 404 })
  })

  it('[defect 41] empty ids are refused', async () => {
    const { me, chatId } = await createTeam()
    const input = { chatId, userIds: [], operation: 'remove' }
    expect(await me.call('POST', '/group/updateparticipants', input)).toMatchObject({
      status: 400,
      body: { field: 'userIds' },
    })
  })
})

describe('[defect 50] invite links have endpoints', () => {
  it('gives, resets and revokes the link, and the old one stops working', async () => {
    const { me, chatId, chat } = await createTeam()
    const { inviteLink } = await me.ok('POST', '/group/invitelink', { chatId })
    expect(inviteLink).toBe(chat.link)
    const reset = await me.ok('POST', '/group/invitelink', { chatId, reset: true })
    const revoked = await me.ok('POST', '/group/invitelink/revoke', { chatId })
    const links = new Set([inviteLink, reset.inviteLink, revoked.inviteLink])
    expect(links.size).toBe(3)
    const stranger = await world.enterOnline()
    const join = (link: unknown) => stranger.call('POST', '/group/join', { link })
    expect(await join(inviteLink)).toMatchObject({ status: 404 })
    expect(await join(revoked.inviteLink)).toMatchObject({
      status: 200,
      body: { chat: { id: chatId, myRole: 'member' }, requested: false },
    })
  })

  it('previews a link without joining, in every form that people paste', async () => {
    const { me, chatId, chat } = await createTeam()
    const stranger = await world.enterOnline()
    const token = chat.link.replace(/^.*join\//, '')
    for (const link of [chat.link, `max.ru/join/${token}`, `join/${token}`, `${chat.link}/?a=1`]) {
      const preview = await stranger.ok('POST', '/group/invitelink/preview', { link })
      expect(preview).toMatchObject({ kind: 'chat', chat: { id: chatId, participants: {} } })
      expect(preview.chat).not.toHaveProperty('myRole')
    }
    const info = await stranger.ok('POST', '/group/inviteinfo', { code: token })
    expect(info).toMatchObject({ kind: 'chat', chat: { title: 'Team' } })
    expect(await stranger.call('POST', '/group/info', { chatId })).toMatchObject({ status: 404 })
    expect(await me.call('POST', '/group/join', { link: 'not a link' })).toMatchObject({
      status: 400,
      body: { field: 'link' },
    })
  })

  it('hides the private link from members until the group shows it', async () => {
    const { me, friend, chatId, chat } = await createTeam()
    const read = async () => (await friend.ok('POST', '/group/invitelink', { chatId })).inviteLink
    expect(await read()).toBe('')
    const options = { MEMBERS_CAN_SEE_PRIVATE_LINK: true }
    const changed = await me.ok('POST', '/group/options', { chatId, options })
    expect(changed.chat).toMatchObject({ options })
    expect(await read()).toBe(chat.link)
  })
})

describe('public names', () => {
  it('checks a name, takes it, is joined by it, and gives it up', async () => {
    const { me, chatId } = await createTeam('/channel/create')
    const name = `news_${Math.abs(chatId) % 1_000_000}`
    const check = async () => (await me.ok('POST', '/group/link/check', { name })).available
    expect(await check()).toBe(true)
    const named = await me.ok('POST', '/group/link', { chatId, name: `https://max.ru/${name}` })
    expect(named.chat).toMatchObject({ access: 'PUBLIC', link: `https://max.ru/${name}` })
    expect(await check()).toBe(false)

    const other = await createTeam()
    const taken = await other.me.call('POST', '/group/link', { chatId: other.chatId, name })
    expect(taken).toMatchObject({ status: 409, body: { code: 'CONFLICT', field: 'name' } })
    const joined = await other.me.ok('POST', '/group/join', { link: `@${name}` })
    expect(joined.chat).toMatchObject({ id: chatId })

    await me.ok('POST', '/group/link', { chatId, name: '' })
    expect(await infoOf(me, chatId)).toMatchObject({ access: 'PRIVATE' })
    expect(await check()).toBe(true)
  })

  it('switches access, and refuses what is no access', async () => {
    const { me, chatId } = await createTeam()
    const name = `team_${Math.abs(chatId) % 1_000_000}`
    const opened = await me.ok('POST', '/group/access', { chatId, access: 'public', name })
    expect(opened.chat).toMatchObject({ access: 'PUBLIC' })
    const closed = await me.ok('POST', '/group/access', { chatId, access: 'PRIVATE' })
    expect(closed.chat).toMatchObject({ access: 'PRIVATE' })
    expect((closed.chat as Chat).link).toContain('/join/')
    expect(await me.call('POST', '/group/access', { chatId, access: 'PUBLIC' })).toMatchObject({
      status: 422,
      body: { code: 'MAX_REFUSED' },
    })
    expect(await me.call('POST', '/group/access', { chatId, access: 'SECRET' })).toMatchObject({
      status: 400,
      body: { field: 'access' },
    })
  })
})

describe('options and the owner', () => {
  it('refuses an option that MAX does not let us set, by its name', async () => {
    const { me, chatId } = await createTeam()
    for (const options of [{ OFFICIAL: true }, {}, { COMMENTS: 'yes' }]) {
      const answer = await me.call('POST', '/group/options', { chatId, options })
      expect(answer).toMatchObject({ status: 400 })
    }
  })

  it('hands a group over', async () => {
    const { me, friend, chatId } = await createTeam()
    const userId = friend.account.id
    const given = await me.ok('POST', '/group/owner', { chatId, userId: String(userId) })
    expect(given.chat).toMatchObject({ owner: userId, myRole: 'member' })
    expect(await infoOf(friend, chatId)).toMatchObject({ myRole: 'owner' })
  })
})

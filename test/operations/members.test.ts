import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionNames } from '../../schema/permissions.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

interface Member {
  userId: number
  role: string
  permissions: string[]
}

const createTeam = async () => {
  const { me, friend } = await world.enterPair()
  const userIds = [friend.account.id]
  const state = world.sim.direct.createGroup({
    type: 'CHAT',
    ownerId: me.account.id,
    title: 'Team',
    userIds,
  })
  return { me, friend, userIds, state, chatId: state.chat.id }
}

const membersOf = async (tenant: LiveTenant, input: object): Promise<Member[]> =>
  (await tenant.ok('POST', '/group/members', input)).members as Member[]

describe('the list of members', () => {
  it('[defect 50] pages through 120 members in three requests of 50', async () => {
    const { me, chatId } = await createTeam()
    const people = Array.from({ length: 118 }, (_, n) =>
      world.sim.direct.createAccount({ firstName: 'Guest', lastName: `No${n}` }),
    )
    const userIds = people.map(({ id }) => id)
    await me.ok('POST', '/group/members/add', { chatId, userIds })

    const pages: Member[][] = []
    let cursor: unknown
    do {
      const input = { chatId, count: 50, ...(cursor ? { cursor } : {}) }
      const page = await me.ok('POST', '/group/members', input)
      pages.push(page.members as Member[])
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(pages.map((page) => page.length)).toEqual([50, 50, 20])
    const ids = pages.flat().map(({ userId }) => userId)
    expect(new Set(ids).size).toBe(120)

    const found = await membersOf(me, { chatId, query: 'guest no117' })
    expect(found).toMatchObject([{ role: 'member', contact: { names: [{ lastName: 'No117' }] } }])
    const tooMany = await me.call('POST', '/group/members', { chatId, count: 501 })
    expect(tooMany).toMatchObject({ status: 400, body: { field: 'count' } })
  })

  it('tells the roles, and lists administrators alone', async () => {
    const { me, friend, userIds, chatId } = await createTeam()
    const third = world.sim.direct.createAccount()
    await me.ok('POST', '/group/members/add', { chatId, userIds: [third.id] })
    await me.ok('POST', '/group/admins/promote', { chatId, userIds, permissions: ['pinMessages'] })
    const all = await membersOf(friend, { chatId })
    expect(Object.fromEntries(all.map(({ userId, role }) => [userId, role]))).toEqual({
      [me.account.id]: 'owner',
      [friend.account.id]: 'admin',
      [third.id]: 'member',
    })
    const admins = await membersOf(me, { chatId, role: 'admin' })
    expect(admins.map(({ role }) => role).sort()).toEqual(['admin', 'owner'])
  })

  it('keeps the lists of administrators to them', async () => {
    const { friend, chatId } = await createTeam()
    for (const role of ['blocked', 'joinRequest']) {
      const answer = await friend.call('POST', '/group/members', { chatId, role })
      expect(answer).toMatchObject({ status: 403 })
    }
  })
})

describe('adding and removing', () => {
  it('hides what was written before when asked to', async () => {
    const { me, chatId } = await createTeam()
    await me.ok('POST', '/chat/send/text', { chatId, text: 'before' })
    const [seeing, blind] = [await world.enterOnline(), await world.enterOnline()]
    const add = (tenant: LiveTenant, extra: object) =>
      me.ok('POST', '/group/members/add', { chatId, userIds: [tenant.account.id], ...extra })
    await add(seeing, {})
    await add(blind, { showHistory: false })
    const read = async (tenant: LiveTenant) =>
      JSON.stringify((await tenant.ok('POST', '/chat/history', { chatId })).messages)
    expect(await read(seeing)).toContain('before')
    expect(await read(blind)).not.toContain('before')
  })

  it('removes a person, with what they wrote only when asked to', async () => {
    const { me, friend, userIds, chatId } = await createTeam()
    const write = () => friend.ok('POST', '/chat/send/text', { chatId, text: 'spam' })
    const history = async () =>
      JSON.stringify((await me.ok('POST', '/chat/history', { chatId })).messages)
    await write()
    await me.ok('POST', '/group/members/remove', { chatId, userIds })
    expect(await history()).toContain('spam')
    await friend.session.event('ChatUpdate', ({ event }) =>
      JSON.stringify(event).includes('"REMOVED"'),
    )
    await me.ok('POST', '/group/members/add', { chatId, userIds })
    await me.ok('POST', '/group/members/remove', { chatId, userIds, cleanMessages: true })
    expect(await history()).not.toContain('spam')
  })

  it('refuses whom MAX does not know, with 404', async () => {
    const { me, chatId } = await createTeam()
    const answer = await me.call('POST', '/group/members/add', { chatId, userIds: [1] })
    expect(answer).toMatchObject({ status: 404, body: { maxError: { code: 'user.not.found' } } })
  })
})

describe('administrators', () => {
  it('gives rights by name and reads the same names back', async () => {
    const { me, friend, userIds, chatId } = await createTeam()
    for (const name of permissionNames) {
      const input = { chatId, userIds, permissions: [name] }
      const { admins } = await me.ok('POST', '/group/admins/promote', input)
      expect(admins).toContainEqual({ userId: friend.account.id, permissions: [name] })
    }
    const { chat } = await friend.ok('POST', '/group/info', { chatId })
    expect(chat).toMatchObject({ myRole: 'admin', myPermissions: ['deleteMessages'] })
    const [member] = await membersOf(me, { chatId, role: 'admin', query: 'Friend' })
    expect(member).toMatchObject({ permissions: ['deleteMessages'] })
  })

  it('takes a mask as well, and refuses a name that is none', async () => {
    const { me, userIds, chatId } = await createTeam()
    const promote = (permissions: unknown) =>
      me.call('POST', '/group/admins/promote', { chatId, userIds, permissions })
    expect((await promote(2 + 16)).body.admins).toContainEqual({
      userId: userIds[0],
      permissions: ['manageMembers', 'pinMessages'],
    })
    for (const wrong of [['everything'], [], 'pinMessages', 0, undefined]) {
      expect(await promote(wrong)).toMatchObject({ status: 400 })
    }
  })

  it('lets a right be used by who has it, and by nobody who lost it', async () => {
    const { me, friend, userIds, chatId } = await createTeam()
    const third = world.sim.direct.createAccount()
    await me.ok('POST', '/group/members/add', { chatId, userIds: [third.id] })
    const remove = () =>
      friend.call('POST', '/group/members/remove', { chatId, userIds: [third.id] })
    expect(await remove()).toMatchObject({ status: 403 })
    await me.ok('POST', '/group/admins/promote', {
      chatId,
      userIds,
      permissions: ['manageMembers'],
    })
    expect(await remove()).toMatchObject({ status: 200 })
    const demoted = await me.ok('POST', '/group/admins/demote', { chatId, userIds })
    expect(demoted.admins).toMatchObject([{ userId: me.account.id }])
    await me.ok('POST', '/group/members/add', { chatId, userIds: [third.id] })
    expect(await remove()).toMatchObject({ status: 403 })
  })
})

describe('requests to join', () => {
  it('lists, accepts and declines them', async () => {
    const { me, state, chatId } = await createTeam()
    state.chat.options.JOIN_REQUEST = true
    const [wanted, unwanted] = [await world.enterOnline(), await world.enterOnline()]
    const link = `https://max.ru/join/${state.chat.linkToken}`
    for (const tenant of [wanted, unwanted]) {
      const asked = await tenant.ok('POST', '/group/join', { link })
      expect(asked).toMatchObject({ requested: true, chat: { id: chatId } })
    }
    const waiting = async () => {
      const { members } = await me.ok('GET', `/group/joinrequests?chatId=${chatId}`)
      return (members as Member[]).map(({ userId, role }) => [userId, role])
    }
    expect(await waiting()).toEqual(
      [wanted, unwanted]
        .map(({ account }) => account.id)
        .sort((a, b) => a - b)
        .map((id) => [id, 'joinRequest']),
    )
    const answer = (path: string, { account }: LiveTenant) =>
      me.ok('POST', path, { chatId, userIds: [account.id] })
    await answer('/group/joinrequests/accept', wanted)
    await answer('/group/joinrequests/decline', unwanted)
    expect(await waiting()).toEqual([])
    expect(await wanted.call('POST', '/group/info', { chatId })).toMatchObject({ status: 200 })
    expect(await unwanted.call('POST', '/group/info', { chatId })).toMatchObject({ status: 404 })
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** The account's second tenant: another session of the same person. */
const again = async ({ account }: LiveTenant): Promise<LiveTenant> => {
  const other = await world.enter(account)
  const { token } = world.sim.direct.issueToken(account.id)
  await other.ok('POST', '/session/auth/token', { authToken: token })
  return other
}
const contactIds = async (tenant: LiveTenant): Promise<unknown[]> => {
  const { contacts } = await tenant.ok('GET', '/user/contacts')
  return (contacts as { id: number }[]).map(({ id }) => id)
}
const stranger = (firstName = 'Stranger') => world.sim.direct.createAccount({ firstName })

describe('the contact list', () => {
  it('gains and loses a person, here and at the other session', async () => {
    const me = await world.enterOnline()
    const elsewhere = await again(me)
    const { id, phone } = stranger('Анна')
    const added = await me.ok('POST', '/contact/add', { phone: phone.slice(1) })
    expect(added).toMatchObject({ userId: id, contact: { id, names: [{ name: 'Анна' }] } })
    expect(await contactIds(me)).toEqual([id])
    await elsewhere.session.event('ContactUpdate')
    expect(await contactIds(elsewhere)).toEqual([id])

    await me.ok('POST', '/contact/remove', { userId: String(id) })
    expect(await contactIds(me)).toEqual([])
    const isFarewell = (body: { event?: object }) =>
      JSON.stringify(body.event).includes('"REMOVED"')
    await elsewhere.session.event('ContactUpdate', isFarewell)
    expect(await contactIds(elsewhere)).toEqual([])
  })

  it('is the same after a reconnect', async () => {
    const me = await world.enterOnline()
    const [kept, gone] = [stranger(), stranger()]
    for (const { id } of [kept, gone]) await me.ok('POST', '/contact/add', { userId: id })
    await me.ok('POST', '/session/disconnect')
    const phone = await again(me)
    await phone.ok('POST', '/contact/remove', { userId: gone.id })
    await me.ok('POST', '/session/connect')
    expect(await contactIds(me)).toEqual([kept.id])
  })

  it('shows my name for a contact beside theirs', async () => {
    const { me, friend } = await world.enterPair()
    const userId = friend.account.id
    const renamed = await me.ok('POST', '/contact/rename', {
      userId,
      firstName: 'Боб',
      lastName: 'Работа',
    })
    const names = [
      { name: 'Friend', firstName: 'Friend', type: 'ONEME' },
      { name: 'Боб Работа', firstName: 'Боб', lastName: 'Работа', type: 'CUSTOM' },
    ]
    expect(renamed.contact).toMatchObject({ names })
    expect(await me.ok('POST', '/contact/info', { userId })).toMatchObject({
      isContact: true,
      contact: { names },
    })
    const check = await me.ok('POST', '/user/check', { phone: friend.account.phone })
    expect(check.users).toMatchObject([{ exists: true, name: 'Боб Работа' }])
    expect((await friend.ok('GET', '/account/profile')).firstName).toBe('Friend')
  })

  it('takes a phone book in', async () => {
    const me = await world.enterOnline()
    const { id, phone } = stranger()
    const contacts = [
      { phone, firstName: 'Сосед' },
      { phone: '79995550001', firstName: 'Nobody' },
    ]
    const answer = await me.ok('POST', '/contact/import', { contacts })
    expect(answer).toMatchObject({ count: 1, contacts: [{ id }], phones: { [phone]: id } })
    expect(await contactIds(me)).toEqual([id])
  })

  it('answers 404 for somebody MAX does not know', async () => {
    const me = await world.enterOnline()
    for (const path of ['/contact/add', '/contact/block', '/contact/info', '/user/avatar']) {
      const answer = await me.call('POST', path, { userId: 7 })
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'NOT_FOUND'])
    }
    const answer = await me.call('POST', '/contact/remove', {})
    expect([answer.status, answer.body.field]).toEqual([400, 'userId'])
  })
})

describe('blocking', () => {
  it('keeps a person from writing, until they are let in again', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const userId = friend.account.id
    const write = () => friend.call('POST', '/chat/send/text', { chatId, text: 'Hello' })
    const blocked = await me.ok('POST', '/contact/block', { userId })
    expect(blocked.contact).toMatchObject({ id: userId, status: 'BLOCKED' })
    const refused = await write()
    expect([refused.status, refused.body.maxError]).toMatchObject([
      422,
      { code: 'contact.blocked' },
    ])
    expect(await me.ok('GET', '/contact/blocked')).toMatchObject({
      contacts: [{ id: userId, status: 'BLOCKED' }],
      count: 1,
      hasMore: false,
    })
    await me.ok('POST', '/contact/unblock', { userId })
    expect((await write()).status).toBe(200)
    expect((await me.ok('GET', '/contact/blocked')).contacts).toEqual([])
  })

  it('makes no contact of a stranger', async () => {
    const me = await world.enterOnline()
    const { id } = stranger()
    await me.ok('POST', '/contact/block', { userId: id })
    await me.ok('POST', '/contact/unblock', { userId: id })
    expect(await contactIds(me)).toEqual([])
  })

  it('lists the blocked in pages', async () => {
    const me = await world.enterOnline()
    const ids = [1, 2, 3].map(() => stranger().id)
    for (const userId of ids) await me.ok('POST', '/contact/block', { userId })
    const page = async (from: number) =>
      (await me.ok('GET', `/contact/blocked?count=2&from=${from}`)) as {
        contacts: { id: number }[]
        hasMore: boolean
      }
    const [first, second] = [await page(0), await page(2)]
    expect([first.hasMore, second.hasMore]).toEqual([true, false])
    const found = [...first.contacts, ...second.contacts].map(({ id }) => id)
    expect(found.toSorted()).toEqual(ids.toSorted())
  })
})

describe('people by phone', () => {
  it('[defect 42] says that nobody has a number only when MAX says so', async () => {
    const me = await world.enterOnline()
    const { id, phone } = stranger('Олег')
    const given = [phone, phone.slice(1), '+79995550002']
    expect((await me.ok('POST', '/user/check', { phone: given })).users).toEqual([
      { phone: given[0], exists: true, maxUserId: id, name: 'Олег' },
      { phone: given[1], exists: true, maxUserId: id, name: 'Олег' },
      { phone: given[2], exists: false, maxUserId: 0 },
    ])
    const opcode = 46
    world.sim.direct.fault({
      kind: 'error',
      userId: me.account.id,
      opcode,
      code: 'service.unavailable',
      delayMs: 0,
      count: 1,
    })
    const failed = await me.call('POST', '/user/check', { phone })
    expect([failed.status, failed.body.code]).toEqual([503, 'MAX_UNAVAILABLE'])
  })

  it('[defect 42] takes a malformed number for the mistake that it is', async () => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/user/check', { phone: ['+79990000001', 'Bob'] })
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([
      400,
      'INVALID_INPUT',
      'phone.1',
    ])
  })

  it('says how far it came when MAX asks to slow down', async () => {
    const me = await world.enterOnline()
    const { phone } = stranger()
    await me.ok('POST', '/contact/byphone', { phone })
    const slow = { kind: 'slow', code: '', delayMs: 1, count: 1 } as const
    const error = { kind: 'error', code: 'too.many.requests', delayMs: 0, count: 1 } as const
    for (const fault of [slow, error]) {
      world.sim.direct.fault({ ...fault, opcode: 46, userId: me.account.id })
    }
    const answer = await me.call('POST', '/contact/byphone', { phone: [phone, phone, phone] })
    expect([answer.status, answer.body.code]).toEqual([429, 'RATE_LIMITED'])
    expect(answer.body.details).toEqual({ done: 1, total: 3 })
  })

  it('finds one or many', async () => {
    const me = await world.enterOnline()
    const { id, phone } = stranger()
    expect(await me.ok('POST', '/contact/byphone', { phone })).toMatchObject({ contact: { id } })
    const many = await me.ok('POST', '/contact/byphone', { phone: [phone, '79995550003'] })
    expect(many.results).toMatchObject([
      { phone, contact: { id } },
      { phone: '79995550003', contact: null },
    ])
    const nobody = await me.call('POST', '/contact/byphone', { phone: '79995550003' })
    expect(nobody.status).toBe(404)
  })
})

describe('people by id', () => {
  const keys = [
    'id',
    'accountStatus',
    'names',
    'options',
    'baseUrl',
    'baseRawUrl',
    'photoId',
    'description',
    'gender',
    'link',
    'updateTime',
    'webApp',
    'avatarUrl',
  ]

  it('come in the order asked for, each with all keys, without those MAX does not know', async () => {
    const me = await world.enterOnline()
    const [one, two] = [stranger(), stranger()]
    const answer = await me.ok('POST', '/user/info', { userIds: [two.id, 7, String(one.id)] })
    const users = answer.users as Record<string, unknown>[]
    expect([answer.count, users.map(({ id }) => id)]).toEqual([2, [two.id, one.id]])
    expect(answer).not.toHaveProperty('user')
    for (const user of users) {
      expect(Object.keys(user)).toEqual(expect.arrayContaining(keys))
      expect(Object.values(user)).not.toContain(null)
    }
  })

  it('answers the older form with the person itself', async () => {
    const me = await world.enterOnline()
    const { id } = stranger()
    expect(await me.ok('POST', '/user/info', { userId: id })).toMatchObject({
      user: { id },
      users: [{ id }],
      count: 1,
    })
    expect((await me.call('POST', '/user/info', { userId: 7 })).status).toBe(404)
    const empty = await me.call('POST', '/user/info', { userIds: [] })
    expect([empty.status, empty.body.field]).toEqual([400, 'userIds'])
    const many = Array.from({ length: 101 }, (_, index) => index + 1)
    expect((await me.call('POST', '/user/info', { userIds: many })).status).toBe(400)
  })

  it('[defect 43] is an empty list, never null', async () => {
    const me = await world.enterOnline()
    expect(await me.ok('POST', '/user/info', { userIds: [7] })).toMatchObject({
      users: [],
      count: 0,
    })
    expect(await me.ok('GET', '/user/contacts')).toMatchObject({ contacts: [], count: 0 })
    expect((await me.ok('GET', '/contact/blocked')).contacts).toEqual([])
  })

  it('have photos, the newest of which is the avatar', async () => {
    const me = await world.enterOnline()
    const { id } = stranger()
    const userId = id
    expect((await me.ok('POST', '/user/avatar', { userId })).avatarUrl).toBe('')
    world.sim.direct.setPhotos(id, [33, 22, 11])
    const { avatarUrl } = await me.ok('POST', '/user/avatar', { userId })
    const photos = await me.ok('POST', '/contact/photos', { userId, count: 2 })
    expect(photos).toMatchObject({ photos: [{ id: 33, url: avatarUrl }, { id: 22 }], total: 3 })
    const rest = await me.ok('POST', '/contact/photos', { userId, from: 2 })
    expect(rest).toMatchObject({ photos: [{ id: 11 }], count: 1, total: 3 })
  })

  it('share groups with me', async () => {
    const { me, friend } = await world.enterPair()
    const make = (title: string, userIds: number[]) =>
      world.sim.direct.createGroup({ type: 'CHAT', ownerId: me.account.id, title, userIds }).chat.id
    const shared = [make('One', [friend.account.id]), make('Two', [friend.account.id])]
    make('Alone', [])
    const ask = (more: object) =>
      me.ok('POST', '/user/commonchats', { userId: friend.account.id, count: 1, ...more })
    const first = await ask({})
    const second = await ask({ marker: first.marker })
    expect([first.hasMore, second.hasMore]).toEqual([true, false])
    const found = [first, second].flatMap(({ chats }) => chats as { id: number }[])
    expect(found.map(({ id }) => id).toSorted()).toEqual(shared.toSorted())
  })
})

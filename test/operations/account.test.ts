import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const again = async ({ account }: LiveTenant): Promise<LiveTenant> => {
  const other = await world.enter(account)
  const { token } = world.sim.direct.issueToken(account.id)
  await other.ok('POST', '/session/auth/token', { authToken: token })
  return other
}

describe('the own profile', () => {
  it('is known from the login, offline too', async () => {
    const me = await world.enterOnline('Анна')
    const profile = { id: me.account.id, firstName: 'Анна', lastName: '', phone: me.account.phone }
    expect(await me.ok('GET', '/account/profile')).toMatchObject(profile)
    await me.ok('POST', '/session/disconnect')
    expect(await me.ok('GET', '/account/profile')).toMatchObject(profile)
  })

  it('is nobody before a login and after a logout', async () => {
    const me = await world.enterOnline()
    await me.ok('POST', '/session/logout')
    for (const path of ['/account/profile', '/account/privacy', '/account/2fa']) {
      expect((await me.call('GET', path)).body.code).toBe('LOGIN_REQUIRED')
    }
  })

  it('changes what is given, for everybody and for the other session', async () => {
    const { me, friend } = await world.enterPair()
    const elsewhere = await again(me)
    const change = { lastName: 'Смирнова', description: 'Привет' }
    const changed = await me.ok('POST', '/account/profile/update', change)
    expect(changed).toMatchObject({ firstName: 'Me', ...change })
    expect(await me.ok('GET', '/account/profile')).toMatchObject({ firstName: 'Me', ...change })
    const seen = await friend.ok('POST', '/user/info', { userId: me.account.id })
    expect(seen.user).toMatchObject({ names: [{ name: 'Me Смирнова' }], description: 'Привет' })
    await eventually(async () => {
      expect(await elsewhere.ok('GET', '/account/profile')).toMatchObject(change)
    })
    const cleared = await me.ok('POST', '/account/profile/update', {
      lastName: '',
      description: '',
    })
    expect(cleared).toMatchObject({ firstName: 'Me', lastName: '', description: '' })
  })

  it('refuses an empty change', async () => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', '/account/profile/update', {})
    expect([answer.status, answer.body.field]).toEqual([400, 'firstName'])
  })

  it('loses its photos one by one', async () => {
    const me = await world.enterOnline()
    world.sim.direct.setPhotos(me.account.id, [22, 11])
    await me.ok('POST', '/session/disconnect')
    await me.ok('POST', '/session/connect')
    expect((await me.ok('GET', '/account/profile')).avatarUrl).toContain('22')
    expect((await me.ok('POST', '/account/photo/remove')).avatarUrl).toContain('11')
    expect((await me.ok('POST', '/account/photo/remove', { photoId: '11' })).avatarUrl).toBe('')
    expect((await me.ok('GET', '/account/profile')).avatarUrl).toBe('')
    expect((await me.call('POST', '/account/photo/remove')).status).toBe(404)
  })
})

describe('privacy', () => {
  it('changes what is given and tells all, after a reconnect too', async () => {
    const { me, friend } = await world.enterPair()
    const elsewhere = await again(me)
    expect((await me.ok('GET', '/account/privacy')).privacy).toMatchObject({ hideOnline: null })
    const given = { searchByPhone: 'CONTACTS', phoneNumber: 'NOBODY', hideOnline: true }
    const { privacy, settings } = await me.ok('POST', '/account/privacy/update', given)
    expect(privacy).toMatchObject({ ...given, incomingCalls: null })
    expect(settings).toMatchObject({ SEARCH_BY_PHONE: 'CONTACTS', HIDDEN: true })
    await eventually(async () => {
      expect((await elsewhere.ok('GET', '/account/privacy')).privacy).toMatchObject(given)
    })
    for (const path of ['/session/disconnect', '/session/connect']) await me.ok('POST', path)
    expect((await me.ok('GET', '/account/privacy')).privacy).toMatchObject(given)

    // It has an effect: strangers no longer find the number, contacts do.
    const stranger = await world.enterOnline()
    const { phone } = me.account
    const find = (who: LiveTenant) => who.call('POST', '/contact/byphone', { phone })
    expect((await find(stranger)).status).toBe(404)
    expect((await find(friend)).status).toBe(200)
  })

  it('refuses a value that the setting does not have', async () => {
    const me = await world.enterOnline()
    for (const [field, value] of [
      ['searchByPhone', 'NOBODY'],
      ['incomingCalls', 'everybody'],
      ['hideOnline', 'yes'],
    ] as const) {
      const answer = await me.call('POST', '/account/privacy/update', { [field]: value })
      expect([answer.status, answer.body.field]).toEqual([400, field])
    }
    expect((await me.call('POST', '/account/privacy/update', {})).status).toBe(400)
  })
})

describe('sessions', () => {
  it('are listed, and all others closed for a new token', async () => {
    const me = await world.enterOnline()
    const elsewhere = await again(me)
    const before = await me.ok('GET', '/account/sessions')
    expect(before.count).toBeGreaterThanOrEqual(2)
    const current = (before.sessions as { current: boolean }[]).filter((each) => each.current)
    expect(current).toHaveLength(1)

    const answer = await me.ok('POST', '/account/sessions/closeothers')
    expect(JSON.stringify(answer)).not.toContain('An_')
    expect((await me.ok('GET', '/account/sessions')).count).toBe(1)
    await eventually(async () => {
      expect((await elsewhere.ok('GET', '/session/status')).state).not.toBe('online')
    })
    // The old token is dead: only the new one brings the session back.
    for (const path of ['/session/disconnect', '/session/connect']) await me.ok('POST', path)
    expect((await me.ok('GET', '/session/status')).state).toBe('online')
  })
})

describe('the cloud password', () => {
  it('is told of as far as MAX tells', async () => {
    const me = await world.enterOnline()
    expect(await me.ok('GET', '/account/2fa')).toMatchObject({
      enabled: false,
      hasEmail: false,
      profileOptions: [],
    })
    const account = world.sim.direct.createAccount({ password: 'correct horse' })
    const guarded = await world.enter(account)
    const { token } = world.sim.direct.issueToken(account.id)
    await guarded.ok('POST', '/session/auth/token', { authToken: token })
    expect(await guarded.ok('GET', '/account/2fa')).toMatchObject({ enabled: true })
  })
})

describe('drafts', () => {
  const draftOf = ({ account }: LiveTenant) =>
    Object.values(world.sim.direct.account(account.id).drafts ?? {}).map(({ draft }) => draft?.text)

  it('are kept at MAX until they are discarded', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const elsewhere = await again(me)
    const saved = await me.ok('POST', '/chat/draft/save', { chatId, text: 'Почти' })
    const { event } = await elsewhere.session.event('DraftUpdate')
    expect(event).toMatchObject({ chatId, time: saved.time, draft: { text: 'Почти' } })
    expect(saved).toMatchObject({ chatId, time: expect.any(Number) })
    expect(draftOf(me)).toEqual(['Почти'])
    const older = Number(saved.time) - 1
    await me.ok('POST', '/chat/draft/discard', { chatId, time: older })
    expect(draftOf(me)).toEqual(['Почти'])
    await me.ok('POST', '/chat/draft/discard', { chatId, time: saved.time })
    const discarded = await elsewhere.session.event('DraftDiscard')
    expect(discarded.event).toMatchObject({ chatId, time: saved.time })
    expect(draftOf(me)).toEqual([undefined])
    await me.ok('POST', '/chat/draft/save', { phone: friend.account.phone, text: 'Again' })
    await me.ok('POST', '/chat/draft/discard', { chatId: String(chatId) })
    expect(draftOf(me)).toEqual([undefined])
  })
})

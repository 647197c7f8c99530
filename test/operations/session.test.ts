import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { eventually } from '../support/eventually.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge({ qrPollIntervalMs: 20 })
})
afterAll(() => world.close())

const status = (tenant: LiveTenant) => tenant.ok('GET', '/session/status')
const newcomer = (body: object = {}) => world.enter(world.sim.direct.createAccount(body))

/** Every token that MAX has given to an account, as no answer and no event may show it. */
const maxTokens = ({ account }: LiveTenant): string[] =>
  [...world.sim.world.sessions.of(account.id)].flatMap(({ tokens }) => tokens)

describe('disconnecting', () => {
  it('[defect 1] ends the session: nothing is received, and connecting works again', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await me.ok('POST', '/session/disconnect')
    expect(await status(me)).toMatchObject({ connected: false, loggedIn: false, state: 'offline' })
    await friend.ok('POST', '/chat/send/text', { chatId, text: 'Are you there?' })
    expect(me.session.events.some(({ type }) => type === 'Message')).toBe(false)
    expect((await me.call('POST', '/chat/history', { chatId })).body.code).toBe('NOT_CONNECTED')
    expect(await me.ok('POST', '/session/connect')).toMatchObject({ details: 'Connected to MAX' })
    await me.session.event('Message')
  })

  it('[defect 1] happens when the tenant is deleted', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await world.edge.request('DELETE', `/admin/users/${me.id}`, { admin: true })
    await friend.ok('POST', '/chat/send/text', { chatId, text: 'Are you there?' })
    expect(world.sim.world.sessions.of(me.account.id).size).toBe(0)
    expect((await me.call('GET', '/session/status')).status).toBe(401)
  })

  it('[defect 15] cancels a QR login, whose code was there to be seen', async () => {
    const me = await newcomer()
    expect(await me.ok('POST', '/session/connect')).toMatchObject({ details: 'Awaiting QR scan' })
    expect((await me.ok('GET', '/session/qr')).qrcode).toMatch(/^data:image\/png;base64,/)
    await me.ok('POST', '/session/disconnect')
    expect(await status(me)).toMatchObject({ state: 'logged_out', connected: false })
  })
})

describe('a session that MAX ended', () => {
  it('[defect 5] [defect 13] leaves the tenant as it is, and a login begins anew', async () => {
    const me = await world.enterOnline()
    await me.ok('POST', '/webhook', { webhook: 'https://example.com/hook', events: ['Message'] })
    world.sim.direct.push(me.account.id, Opcode.LOGOUT, {})
    await eventually(async () => {
      expect(await status(me)).toMatchObject({ state: 'stopped', authenticated: false })
    })
    expect(await me.ok('GET', '/webhook')).toMatchObject({ webhook: 'https://example.com/hook' })
    expect(await me.ok('POST', '/session/connect')).toMatchObject({
      details: 'Awaiting QR scan',
      events: 'Message',
    })
  })
})

describe('a login by code', () => {
  it('[defect 11] is no session yet, and a malformed step changes nothing', async () => {
    const me = await newcomer()
    const { phone } = me.account
    await me.ok('POST', '/session/auth/request', { phone })
    expect(await status(me)).toMatchObject({ connected: false, state: 'awaiting_code' })
    expect((await me.call('GET', '/group/list')).body.code).toBe('NOT_CONNECTED')
    for (const body of ['{', '{"code":[]}', '{}']) {
      const answer = await world.edge.request('POST', '/session/auth/confirm', {
        token: me.token,
        body,
      })
      expect(answer.status).toBe(400)
    }
    await me.ok('POST', '/session/auth/confirm', { code: '123456' })
    expect(await status(me)).toMatchObject({ connected: true, state: 'online' })
  })

  it('sends another code on request, and makes an account for a number without one', async () => {
    const me = await newcomer()
    // Nobody has this number.
    const phone = `+7${String(me.account.phone).slice(2).split('').reverse().join('')}`
    await me.ok('POST', '/session/auth/request', { phone })
    await me.ok('POST', '/session/auth/resend')
    expect(await status(me)).toMatchObject({ state: 'awaiting_code' })
    const confirmed = await me.ok('POST', '/session/auth/confirm', { code: '123456' })
    expect(confirmed).toMatchObject({ requiresRegistration: true, registerToken: '' })
    await me.ok('POST', '/session/auth/register', { firstName: 'Ann', lastName: 'Smith' })
    expect(await status(me)).toMatchObject({ state: 'online' })
    expect(await me.ok('GET', '/account/profile')).toMatchObject({
      profile: { contact: { names: [{ firstName: 'Ann', lastName: 'Smith' }] } },
    })
  })

  it('[defect 11] does not replace a session that is online', async () => {
    const me = await world.enterOnline()
    const before = await status(me)
    const { phone } = me.account
    const answer = await me.call('POST', '/session/auth/request', { phone })
    expect([answer.status, answer.body.code]).toEqual([409, 'ALREADY_LOGGED_IN'])
    expect(await status(me)).toMatchObject({ state: 'online', deviceId: before.deviceId })
  })
})

describe('the older QR login', () => {
  it('shows a code, tells how far it is, and ends online', async () => {
    const me = await newcomer()
    const started = await me.ok('POST', '/session/auth/qr/start')
    expect(started).toMatchObject({
      qrLink: expect.stringMatching(/^https:\/\/max\.ru\/:auth\//),
      qrCodeBase64: expect.stringMatching(/^data:image\/png;base64,/),
      trackId: expect.any(String),
      pollingInterval: 20,
    })
    expect(Number(started.ttl)).toBeGreaterThan(100_000)
    expect((await me.ok('POST', '/session/auth/qr/start')).qrLink).toBe(started.qrLink)
    expect((await me.ok('GET', '/session/auth/qr/status')).status).toBe('pending')
    world.sim.direct.approveQr(me.account.id, String(started.qrLink))
    await eventually(async () => {
      const { status: far, ...rest } = await me.ok('GET', '/session/auth/qr/status')
      expect(far).toBe('authorized')
      expect(rest).not.toHaveProperty('authToken')
    })
    expect((await me.call('POST', '/session/auth/qr/cancel')).body.code).toBe('ALREADY_LOGGED_IN')
    expect((await me.call('POST', '/session/auth/qr/start')).body.code).toBe('ALREADY_LOGGED_IN')
  })

  it('[defect 49] goes on with the cloud password of the account', async () => {
    const me = await newcomer({ password: 'correct horse' })
    const { qrLink } = await me.ok('POST', '/session/auth/qr/start')
    world.sim.direct.approveQr(me.account.id, String(qrLink))
    await eventually(async () => {
      expect(await me.ok('GET', '/session/auth/qr/status')).toMatchObject({
        status: 'scanned',
        requiresPassword: true,
      })
    })
    await me.ok('POST', '/session/auth/password', { password: 'correct horse' })
    expect((await me.ok('GET', '/session/auth/qr/status')).status).toBe('authorized')
  })

  it('is cancelled, at whatever step and also when none runs', async () => {
    const me = await newcomer()
    await me.ok('POST', '/session/auth/qr/cancel')
    await me.ok('POST', '/session/auth/qr/start')
    await me.ok('POST', '/session/auth/qr/cancel')
    expect((await me.ok('GET', '/session/auth/qr/status')).status).toBe('expired')
    expect((await status(me)).state).toBe('logged_out')
  })
})

describe('a sync', () => {
  it('reads the account in the form of a login, without a second one', async () => {
    const { me, friend, chatId } = await world.enterPair()
    await me.ok('POST', '/contact/add', { userId: friend.account.id })
    const before = await status(me)
    const seen = me.session.events.length
    const data = await me.ok('POST', '/session/sync')
    expect(data).toMatchObject({
      maxUserID: me.account.id,
      profile: { contact: { id: me.account.id }, profileOptions: [] },
      contacts: [{ id: friend.account.id }],
      presence: { [friend.account.id]: { seen: expect.any(Number) } },
      config: { user: {} },
      messages: {},
      time: expect.any(Number),
    })
    expect(data.chats).toContainEqual(expect.objectContaining({ id: chatId, type: 'DIALOG' }))
    expect(await status(me)).toMatchObject({ state: 'online', onlineSince: before.onlineSince })

    const sync = await me.session.event('Sync', ({ manual }) => manual === true)
    expect(sync).toMatchObject({ reconnect: false, maxUserID: me.account.id })
    expect(sync.contacts).toMatchObject([{ id: friend.account.id }])
    const since = me.session.events.slice(seen).map(({ type }) => type)
    expect(since).not.toContain('Connected')
    expect(since).not.toContain('Disconnected')
  })

  it('hears of what changed while nobody told', async () => {
    const { me, friend } = await world.enterPair()
    await me.ok('POST', '/contact/add', { userId: friend.account.id })
    await friend.ok('POST', '/account/profile/update', { firstName: 'Renamed' })
    await me.ok('POST', '/session/sync')
    const { contacts } = await me.ok('GET', '/user/contacts')
    expect(contacts).toMatchObject([{ names: [{ name: 'Renamed' }] }])
  })

  it('pages through more chats than MAX tells at once, up to a hundred', async () => {
    const me = await world.enterOnline()
    for (let n = 0; n < 120; n += 1) {
      const title = `Group ${n}`
      world.sim.direct.createGroup({ type: 'CHAT', ownerId: me.account.id, title, userIds: [] })
    }
    const chats = (await me.ok('POST', '/session/sync')).chats as { id: number }[]
    expect(new Set(chats.map(({ id }) => id)).size).toBe(chats.length)
    expect(chats.length).toBeGreaterThan(50)
    expect(chats.length).toBeLessThanOrEqual(100)
  })
})

describe('secrets', () => {
  it('[defect 24] [defect 25] neither token leaves in an event or an answer', async () => {
    const me = await newcomer()
    const answers: string[] = []
    const ask = async (method: string, path: string, body?: object) => {
      const answer = await me.call(method, path, body)
      answers.push(answer.text)
      return answer.body
    }
    const { qrLink } = await ask('POST', '/session/auth/qr/start')
    world.sim.direct.approveQr(me.account.id, String(qrLink))
    await me.session.event('Connected')
    await ask('GET', '/session/auth/qr/status')
    await ask('POST', '/session/sync')
    await ask('GET', '/session/status')
    await ask('GET', '/account/sessions')
    await ask('POST', '/account/sessions/closeothers')
    await me.session.event('Sync', ({ manual }) => manual === true)
    const tokens = maxTokens(me)
    expect(tokens).not.toEqual([])
    const shown = JSON.stringify([answers, me.session.events, world.edge.log])
    for (const token of [me.token, ...tokens]) expect(shown).not.toContain(token)
  })

  it('[defect 25] the MAX token is told to the administrator only, and only when asked', async () => {
    const me = await newcomer()
    const login = async (headers: Record<string, string> = {}) => {
      await me.ok('POST', '/session/auth/request', { phone: me.account.phone })
      const body = { code: '123456', includeToken: true }
      return me.call('POST', '/session/auth/confirm', body, headers)
    }
    expect((await login()).status).toBe(403)
    const answer = await login({ authorization: 'admin-token-of-the-tests' })
    expect(maxTokens(me)).toContain(answer.body.authToken)
  })
})

describe('settings of older versions', () => {
  it('[defect 32] are accepted where they say nothing, and refused where they would do nothing', async () => {
    const me = await newcomer()
    expect(await me.ok('POST', '/session/history', { history: 0 })).toMatchObject({ history: 0 })
    expect(await me.ok('POST', '/session/proxy', { enable: false })).toMatchObject({
      enable: false,
      proxy_url: '',
    })
    const refused = [
      ['/session/history', { history: 100 }, 'history'],
      ['/session/proxy', { enable: true, proxy_url: 'http://proxy.example' }, 'enable'],
    ] as const
    for (const [path, body, field] of refused) {
      const answer = await me.call('POST', path, body)
      expect([answer.status, answer.body.code, answer.body.field]).toEqual([
        422,
        'NOT_SUPPORTED',
        field,
      ])
    }
  })
})

describe('the status', () => {
  it('[defect 47] has the own id under both spellings of the original', async () => {
    const me = await world.enterOnline()
    const { id } = me.account
    expect(await status(me)).toMatchObject({ maxUserID: id, maxUserId: id })
  })
})

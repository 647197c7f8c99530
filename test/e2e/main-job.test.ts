import { describe, expect, it, vi } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { eventually } from '../support/eventually.ts'
import { protocols, type Tenant } from '../support/gateway.ts'
import { adopt, PASSWORD, type Person, sentBy, write } from '../support/people.ts'
import { type Stage, useWorld } from '../support/world.ts'

interface Sent {
  messageId: string
  chatId: number
}

const status = (tenant: Tenant) => tenant.get('/session/status')
const online = (person: Person) => ({
  connected: true,
  authenticated: true,
  loggedIn: true,
  state: 'online',
  maxUserID: person.account.id,
})

/** A message goes out, its answer comes in: once, signed, before what is written after it. */
const talk = async ({ sandbox, tenant, receiver, person }: Stage): Promise<void> => {
  expect(await status(tenant)).toMatchObject(online(person))
  const chatId = person.chatIds[0]
  const sent = await tenant.post<Sent>('/chat/send/text', { chatId, text: 'question' })
  expect(sent).toMatchObject({
    success: true,
    chatId,
    messageId: expect.stringMatching(/^\d{18}$/),
  })
  expect(sentBy(sandbox, person)).toMatchObject([{ id: sent.messageId, text: 'question', chatId }])

  const answer = write(sandbox, person, 'answer')
  write(sandbox, person, 'afterthought')
  await receiver.message('afterthought')
  const [first, ...rest] = receiver.received.filter(({ type }) => type === 'Message')
  expect(first?.body).toMatchObject({
    id: first?.headers['webhook-id'],
    type: 'Message',
    instanceID: tenant.id,
    event: {
      chatId,
      message: { id: answer.messageId, text: 'answer', sender: person.friends[0]?.id },
    },
  })
  expect(rest.map(({ body }) => body.event?.message?.text)).toEqual(['afterthought'])
  expect(receiver.refused).toEqual([])
}

describe.each(protocols)('the main job over %s', (protocol) => {
  const { enter, enterOnline } = useWorld(protocol, { settings: { qrPollIntervalMs: 100 } })

  it('logs in by QR, sends a message and hands the answer to the webhook', async () => {
    const stage = await enter()
    const { sandbox, tenant, receiver, person } = stage
    expect(await status(tenant)).toMatchObject({ connected: false, state: 'logged_out' })
    const qr = await tenant.get<{ qrLink: string; qrcode: string; expiresAt: number }>(
      '/session/qr',
    )
    expect(qr.qrcode).toMatch(/^data:image\/png;base64,iVBOR/)
    expect(qr.expiresAt).toBeGreaterThan(Date.now())
    expect(await status(tenant)).toMatchObject({ connected: false, state: 'awaiting_qr' })
    expect(sandbox.control.approveQr(person.account.id, qr.qrLink)).toBe(true)
    await receiver.event('Connected')
    expect(receiver.received.map(({ type }) => type).slice(0, 4)).toEqual([
      'QRGenerated',
      'QRScanned',
      'QRAuthorized',
      'Connected',
    ])
    await talk(stage)
  })

  it('logs in by SMS code', async () => {
    const stage = await enter()
    const { sandbox, tenant, person } = stage
    const { phone } = person.account
    expect(await tenant.post('/session/auth/request', { phone })).toMatchObject({
      success: true,
      codeLength: 6,
      resendAfterMs: 60_000,
    })
    const { code } = sandbox.core.settings
    expect(await tenant.post('/session/auth/confirm', { code })).toMatchObject({
      success: true,
      requiresPassword: false,
      requiresRegistration: false,
    })
    await talk(stage)
  })

  it('asks for the cloud password after the SMS code, again after a wrong one', async () => {
    const stage = await enter({ password: PASSWORD })
    const { sandbox, tenant, person } = stage
    await tenant.post('/session/auth/request', { phone: person.account.phone })
    const { code } = sandbox.core.settings
    expect(await tenant.post('/session/auth/confirm', { code })).toMatchObject({
      requiresPassword: true,
    })
    const path = '/session/auth/password'
    expect(await tenant.request('POST', path, { body: { password: 'wrong' } })).toMatchObject({
      status: 400,
      body: { success: false, code: 'PASSWORD_WRONG', maxError: { code: 'password2fa.wrong' } },
    })
    expect(await tenant.post(path, { password: PASSWORD })).toMatchObject({
      success: true,
      requiresPassword: false,
    })
    await talk(stage)
  })

  it('takes over an existing token with its device id', async () => {
    const stage = await enter()
    await adopt(stage.sandbox, stage.tenant, stage.person)
    await talk(stage)
  })

  it('refuses a token that MAX does not know and stays logged out', async () => {
    const { tenant } = await enter()
    const body = { authToken: 'a-token-of-nobody', deviceId: crypto.randomUUID() }
    expect(await tenant.request('POST', '/session/auth/token', { body })).toMatchObject({
      status: 400,
      body: { success: false, code: 'LOGIN_REQUIRED', maxError: { code: 'login.token' } },
    })
    expect(await status(tenant)).toMatchObject({
      connected: false,
      authenticated: false,
      state: 'logged_out',
    })
  })

  it('comes back by itself after the server dropped it and misses nothing', async () => {
    const { sandbox, tenant, receiver, person } = await enterOnline()
    write(sandbox, person, 'before')
    await receiver.message('before')
    expect(sandbox.control.close(person.account.id)).toBe(1)
    write(sandbox, person, 'meanwhile 1')
    write(sandbox, person, 'meanwhile 2')
    await receiver.event('Connected', 2)
    write(sandbox, person, 'after')
    await receiver.message('after')
    expect(receiver.texts).toEqual(['before', 'meanwhile 1', 'meanwhile 2', 'after'])
    expect(receiver.received.filter(({ type }) => type === 'Message')).toHaveLength(4)
    expect(receiver.ofType('Disconnected')).toHaveLength(1)
    expect(await status(tenant)).toMatchObject(online(person))
  })
})

describe('everything around the main job', () => {
  const { enter, enterOnline } = useWorld('binary', { settings: { qrPollIntervalMs: 100 } })

  it('registers a phone that MAX does not know', async () => {
    const { sandbox, tenant } = await enter()
    const phone = '+79261234567'
    await tenant.post('/session/auth/request', { phone })
    const { code } = sandbox.core.settings
    expect(await tenant.post('/session/auth/confirm', { code })).toMatchObject({
      requiresPassword: false,
      requiresRegistration: true,
    })
    await tenant.post('/session/auth/register', { firstName: 'Anna', lastName: 'Ivanova' })
    const account = sandbox.core.world.accountByPhone(phone)
    expect(account).toMatchObject({ firstName: 'Anna', lastName: 'Ivanova' })
    expect(await status(tenant)).toMatchObject({ state: 'online', maxUserID: account?.id })
  })

  it('lets a person correct a wrong SMS code', async () => {
    const stage = await enter()
    const { sandbox, tenant, person } = stage
    await tenant.post('/session/auth/request', { phone: person.account.phone })
    expect(
      await tenant.request('POST', '/session/auth/confirm', { body: { code: '000000' } }),
    ).toMatchObject({
      status: 400,
      body: { code: 'CODE_WRONG', maxError: { code: 'verify.code.wrong' } },
    })
    await tenant.post('/session/auth/confirm', { code: sandbox.core.settings.code })
    await talk(stage)
  })

  it('asks for the cloud password after a QR login too', async () => {
    const stage = await enter({ password: PASSWORD })
    const { sandbox, tenant, receiver, person } = stage
    const { qrLink } = await tenant.get<{ qrLink: string }>('/session/qr')
    sandbox.control.approveQr(person.account.id, qrLink)
    await receiver.event('QRAuthorized')
    await eventually(async () =>
      expect(await status(tenant)).toMatchObject({ state: 'awaiting_password' }),
    )
    await tenant.post('/session/auth/password', { password: PASSWORD })
    await talk(stage)
  })

  it('ends the MAX login at a logout, so that its token is dead', async () => {
    const { sandbox, gateway, tenant, receiver, person } = await enter()
    await tenant.post('/session/auth/request', { phone: person.account.phone })
    const { authToken } = await tenant.call<{ authToken: string }>(
      'POST',
      '/session/auth/confirm',
      {
        body: { code: sandbox.core.settings.code, includeToken: true },
        headers: gateway.adminHeaders,
      },
    )
    expect(sandbox.core.world.sessions.byToken(authToken)?.userId).toBe(person.account.id)
    await tenant.post('/session/logout')
    await receiver.event('LoggedOut')
    expect(await status(tenant)).toMatchObject({ authenticated: false, state: 'logged_out' })
    const body = { authToken }
    expect(await tenant.request('POST', '/session/auth/token', { body })).toMatchObject({
      status: 400,
      body: { code: 'LOGIN_REQUIRED' },
    })
  })

  it('stays away after a disconnect and catches up after a connect', async () => {
    const { sandbox, tenant, receiver, person } = await enterOnline()
    await tenant.post('/session/disconnect')
    expect(await status(tenant)).toMatchObject({ authenticated: true, state: 'offline' })
    await receiver.event('Disconnected')
    write(sandbox, person, 'while away')
    const body = { chatId: person.chatIds[0], text: 'too early' }
    expect(await tenant.request('POST', '/chat/send/text', { body })).toMatchObject({
      status: 503,
      body: { code: 'NOT_CONNECTED', details: { state: 'offline' } },
    })
    expect(await tenant.post('/session/connect')).toMatchObject({ details: 'Connected to MAX' })
    await receiver.message('while away')
    expect(await status(tenant)).toMatchObject(online(person))
    expect(sentBy(sandbox, person)).toEqual([])
  })

  it('lists groups, channels and contacts', async () => {
    const { sandbox, tenant, person } = await enter({ friends: 2 })
    const { id } = person.account
    const userIds = person.friends.map((friend) => friend.id)
    const { control } = sandbox
    const group = control.createGroup({ type: 'CHAT', ownerId: id, title: 'Team', userIds })
    const channel = control.createGroup({ type: 'CHANNEL', ownerId: id, title: 'News', userIds })
    await adopt(sandbox, tenant, person)
    expect(await tenant.get('/group/list')).toMatchObject({
      success: true,
      groups: [{ id: group.chat.id, title: 'Team' }],
      channels: [{ id: channel.chat.id, title: 'News' }],
    })
    const { contacts, count } = await tenant.get<{ contacts: { id: number }[]; count: number }>(
      '/user/contacts',
    )
    expect(count).toBe(2)
    expect(contacts.map((contact) => contact.id).sort()).toEqual([...userIds].sort())
  })

  it('reads the history of a chat, oldest first', async () => {
    const { sandbox, tenant, person } = await enterOnline()
    const [chatId] = person.chatIds
    for (const text of ['one', 'two', 'three']) write(sandbox, person, text)
    await tenant.post('/chat/send/text', { chatId, text: 'four' })
    const { messages } = await tenant.post<{ messages: { text: string }[] }>('/chat/history', {
      chatId,
      count: 3,
    })
    expect(messages.map(({ text }) => text)).toEqual(['two', 'three', 'four'])
  })

  it('writes to a phone number and to Saved Messages', async () => {
    const { sandbox, tenant, person } = await enterOnline()
    const [chatId] = person.chatIds
    const phone = person.friends[0]?.phone
    expect(await tenant.post('/chat/send/text', { phone, text: 'by phone' })).toMatchObject({
      chatId,
    })
    expect(await tenant.post('/chat/send/text', { chatId: 0, text: 'note' })).toMatchObject({
      chatId: 0,
    })
    expect(sentBy(sandbox, person)).toMatchObject([{ text: 'by phone' }, { text: 'note' }])
  })

  it.each(['number', 'string'])('keeps 18-digit message ids exact as a %s', async (form) => {
    const { sandbox, tenant, receiver, person } = await enterOnline()
    const [chatId] = person.chatIds
    const first = write(sandbox, person, 'first').messageId
    const second = write(sandbox, person, 'second').messageId
    write(sandbox, person, 'third')
    await receiver.message('third')
    expect(receiver.messages.map(({ body }) => body.event?.message?.id).slice(0, 2)).toEqual([
      first,
      second,
    ])
    // A number of this size does not survive JSON.stringify.
    const literal = form === 'number' ? second : `"${second}"`
    await tenant.call('POST', '/chat/send/text', {
      body: `{"chatId":${chatId},"text":"reply","replyTo":${literal}}`,
    })
    const state = sandbox.core.world.chat(person.account.id, chatId ?? 0)
    const reply = state?.messages.find(({ text }) => text === 'reply')
    expect(reply?.link).toMatchObject({ type: 'REPLY', message: { id: BigInt(second) } })

    write(sandbox, person, 'fourth')
    const before = state?.members.get(person.account.id)?.unread
    const fourth = (await receiver.message('fourth')).body.event?.message?.id
    const mark = form === 'number' ? fourth : `"${fourth}"`
    const answer = await tenant.call<{ unread: number }>('POST', '/chat/markread', {
      body: `{"chatId":${chatId},"messageId":${mark}}`,
    })
    expect(before).toBe(1)
    expect(answer.unread).toBe(0)
    expect(state?.members.get(person.account.id)).toMatchObject({
      unread: 0,
      readMark: Number(BigInt(fourth ?? '0') >> 16n),
    })
  })

  it('reads up to the given message and no further', async () => {
    const { sandbox, tenant, receiver, person } = await enterOnline()
    const [chatId] = person.chatIds
    const { messageId } = write(sandbox, person, 'read')
    const readAt = Number(BigInt(messageId) >> 16n)
    // Marks are times: two messages of one millisecond are read together.
    await eventually(() => expect(Date.now()).toBeGreaterThan(readAt))
    write(sandbox, person, 'unread')
    await receiver.message('unread')
    expect(await tenant.post('/chat/markread', { chatId, messageId })).toMatchObject({ unread: 1 })
    const state = sandbox.core.world.chat(person.account.id, chatId ?? 0)
    expect(state?.members.get(person.account.id)).toMatchObject({ unread: 1, readMark: readAt })
  })

  it('uses the token that LOGIN handed out at the next reconnect', async () => {
    const { sandbox, tenant, receiver, person } = await enter()
    const { settings } = sandbox.core
    const { sessions } = sandbox.core.world
    settings.rotateToken = 'new'
    try {
      await adopt(sandbox, tenant, person)
      const [session] = sessions.of(person.account.id)
      expect(session?.tokens).toHaveLength(2)
      const asked = vi.spyOn(sessions, 'byToken')
      sandbox.control.close(person.account.id)
      await receiver.event('Connected', 2)
      const used = asked.mock.calls.map(([token]) => token)
      asked.mockRestore()
      expect(used).toContain(session?.tokens[1])
      expect(used).not.toContain(session?.tokens[0])
    } finally {
      settings.rotateToken = 'same'
    }
  })

  it('dials anew when MAX asks for it', async () => {
    const stage = await enterOnline()
    const { sandbox, receiver, person } = stage
    const redirectHost = new URL(sandbox.url.replace('ws:', 'http:')).host
    sandbox.control.push(person.account.id, Opcode.RECONNECT, { redirectHost })
    await receiver.event('Connected', 2)
    await talk(stage)
  })
})

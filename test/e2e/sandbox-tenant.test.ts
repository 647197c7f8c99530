import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type Gateway, startGateway, type Tenant } from '../support/gateway.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'

interface Sandbox {
  phone: string
  code: string
  password: string
  phoneWithPassword: string
  me: { id: number }
  contacts: { id: number; name: string; phone: string; chatId: number }[]
}
interface History {
  messages: { id: string; text: string; sender: number }[]
}

describe('a sandbox tenant', () => {
  let gateway: Gateway
  const receivers: Receiver[] = []
  beforeAll(async () => {
    gateway = await startGateway()
  })
  afterAll(async () => {
    await gateway.remove()
    await Promise.all(receivers.map((receiver) => receiver.close()))
  })

  const enter = async () => {
    const receiver = await startReceiver()
    receivers.push(receiver)
    const tenant = await gateway.createTenant({ receiver, sandbox: true })
    const sandbox = await tenant.get<Sandbox>('/sandbox')
    const chatId = sandbox.contacts[0]?.chatId ?? 0
    return { receiver, tenant, sandbox, chatId }
  }
  const enterOnline = async () => {
    const stage = await enter()
    const { tenant, sandbox } = stage
    await tenant.post('/session/auth/request', { phone: sandbox.phone })
    await tenant.post('/session/auth/confirm', { code: sandbox.code })
    return stage
  }
  const status = (tenant: Tenant) => tenant.get('/session/status')
  const send = (tenant: Tenant, chatId: number, text: string) =>
    tenant.post<{ messageId: string }>('/chat/send/text', { chatId, text })
  /** Texts of what the tenant's account sent to a chat. */
  const sentTo = async (tenant: Tenant, chatId: number, sandbox: Sandbox): Promise<string[]> => {
    const { messages } = await tenant.post<History>('/chat/history', { chatId })
    return messages.filter(({ sender }) => sender === sandbox.me.id).map(({ text }) => text)
  }
  const incoming = (tenant: Tenant, text: string) => tenant.post('/sandbox/incoming', { text })
  const fault = (tenant: Tenant, kind: string, more: Record<string, unknown> = {}) =>
    tenant.post('/sandbox/fault', { kind, ...more })

  // Side by side: each has a tenant of its own, and some mostly wait.
  describe.concurrent('in the quick start', () => {
    it('tells what to log in with and whom to write to', async () => {
      const { sandbox } = await enter()
      expect(sandbox).toMatchObject({
        success: true,
        phone: expect.stringMatching(/^\+\d{11}$/),
        code: expect.stringMatching(/^\d{6}$/),
        password: expect.any(String),
        me: { id: expect.any(Number) },
      })
      expect(sandbox.contacts.length).toBeGreaterThan(0)
      for (const contact of sandbox.contacts) {
        expect(contact).toEqual({
          id: expect.any(Number),
          name: expect.any(String),
          phone: expect.stringMatching(/^\+\d{11}$/),
          chatId: expect.any(Number),
        })
      }
    })

    it('logs in by SMS, sends, and gets an answer at the webhook', async () => {
      const { tenant, sandbox, receiver, chatId } = await enter()
      expect(await tenant.post('/session/auth/request', { phone: sandbox.phone })).toMatchObject({
        success: true,
        codeLength: sandbox.code.length,
      })
      await tenant.post('/session/auth/confirm', { code: sandbox.code })
      expect(await status(tenant)).toMatchObject({ state: 'online', maxUserID: sandbox.me.id })
      const { messageId } = await send(tenant, chatId, 'question')
      expect(messageId).toMatch(/^\d{18}$/)
      const written = await incoming(tenant, 'answer')
      const { body } = await receiver.message('answer')
      expect(body.event).toMatchObject({
        chatId: written.chatId,
        message: { id: written.messageId, sender: sandbox.contacts[0]?.id },
      })
    })

    it('logs in by QR when the sandbox approves the code', async () => {
      const { tenant, sandbox, receiver } = await enter()
      const { qrLink } = await tenant.get<{ qrLink: string }>('/session/qr')
      await tenant.post('/sandbox/qr/approve', { qrLink })
      await receiver.event('Connected')
      expect(await status(tenant)).toMatchObject({ state: 'online', maxUserID: sandbox.me.id })
    })

    it('says that no QR code waits when none does', async () => {
      const { tenant } = await enter()
      expect(await tenant.request('POST', '/sandbox/qr/approve')).toMatchObject({
        status: 409,
        body: { code: 'CONFLICT' },
      })
    })

    it('logs in with the cloud password of its second account', async () => {
      const { tenant, sandbox } = await enter()
      await tenant.post('/session/auth/request', { phone: sandbox.phoneWithPassword })
      expect(await tenant.post('/session/auth/confirm', { code: sandbox.code })).toMatchObject({
        requiresPassword: true,
      })
      await tenant.post('/session/auth/password', { password: sandbox.password })
      expect(await status(tenant)).toMatchObject({ state: 'online' })
    })

    it('gets messages of a chosen contact, in order', async () => {
      const { tenant, sandbox, receiver } = await enterOnline()
      const from = sandbox.contacts[1]?.id
      for (const text of ['one', 'two', 'three']) {
        await tenant.post('/sandbox/incoming', { text, from })
      }
      await receiver.message('three')
      expect(receiver.texts).toEqual(['one', 'two', 'three'])
      expect(receiver.messages.map(({ body }) => body.event?.message?.sender)).toEqual([
        from,
        from,
        from,
      ])
    })

    it('hides the sandbox from a tenant without one', async () => {
      const tenant = await gateway.createTenant()
      expect(await tenant.request('GET', '/sandbox')).toMatchObject({ status: 404 })
    })
  })

  describe.concurrent('with a fault', () => {
    it('drop: the session goes, comes back by itself and misses nothing', async () => {
      const { tenant, receiver } = await enterOnline()
      await fault(tenant, 'drop')
      await incoming(tenant, 'meanwhile')
      await receiver.event('Disconnected')
      await receiver.event('Connected', 2)
      await receiver.message('meanwhile')
      expect(receiver.texts).toEqual(['meanwhile'])
      expect(await status(tenant)).toMatchObject({ state: 'online' })
    })

    it('drop of an answer: the message is sent all the same, and only once', async () => {
      const { tenant, receiver, sandbox, chatId } = await enterOnline()
      await fault(tenant, 'drop', { opcode: 64 })
      const { messageId } = await send(tenant, chatId, 'carried over')
      expect(messageId).toMatch(/^\d{18}$/)
      await receiver.event('Connected', 2)
      expect(await sentTo(tenant, chatId, sandbox)).toEqual(['carried over'])
    })

    it('hang: a lost answer costs time, not a second message', async () => {
      const { tenant, sandbox, chatId } = await enterOnline()
      await fault(tenant, 'hang', { opcode: 64 })
      const { messageId } = await send(tenant, chatId, 'patience')
      expect(messageId).toMatch(/^\d{18}$/)
      expect(await sentTo(tenant, chatId, sandbox)).toEqual(['patience'])
    })

    it('hang of everything: the send ends as unknown, the request as timed out', async () => {
      const { tenant, chatId } = await enterOnline()
      await fault(tenant, 'hang', { count: 100 })
      const body = { chatId, text: 'into the void' }
      const [sent, listed] = await Promise.all([
        tenant.request('POST', '/chat/send/text', { body }),
        tenant.request('GET', '/group/list'),
      ])
      expect(sent).toMatchObject({ status: 504, body: { code: 'OUTCOME_UNKNOWN' } })
      expect(listed).toMatchObject({ status: 504, body: { code: 'MAX_TIMEOUT' } })
    })

    it('error: the code of MAX comes out as a stable one', async () => {
      const { tenant, sandbox, chatId } = await enterOnline()
      await fault(tenant, 'error')
      const body = { chatId, text: 'refused' }
      expect(await tenant.request('POST', '/chat/send/text', { body })).toMatchObject({
        status: 503,
        body: { code: 'MAX_UNAVAILABLE', maxError: { code: 'service.unavailable' } },
      })
      await fault(tenant, 'error', { code: 'too.many.requests' })
      const limited = await tenant.request('POST', '/chat/send/text', { body })
      expect(limited).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } })
      expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await sentTo(tenant, chatId, sandbox)).toEqual([])
    })

    it('garbage: the connection is thrown away and made anew', async () => {
      const { tenant, receiver, sandbox, chatId } = await enterOnline()
      await fault(tenant, 'garbage')
      await receiver.event('Connected', 2)
      await send(tenant, chatId, 'clean')
      expect(await sentTo(tenant, chatId, sandbox)).toEqual(['clean'])
    })

    it('logout: an event and the status say that a person must log in again', async () => {
      const { tenant, receiver, sandbox, chatId } = await enterOnline()
      await fault(tenant, 'logout')
      await receiver.event('AuthExpired')
      expect(await status(tenant)).toMatchObject({
        connected: false,
        authenticated: false,
        state: 'stopped',
        action: expect.stringContaining('/session/qr'),
      })
      const body = { chatId, text: 'nobody home' }
      expect(await tenant.request('POST', '/chat/send/text', { body })).toMatchObject({
        status: 503,
        body: { code: 'NOT_CONNECTED', details: { action: expect.any(String) } },
      })
      await tenant.post('/session/auth/request', { phone: sandbox.phone })
      await tenant.post('/session/auth/confirm', { code: sandbox.code })
      await send(tenant, chatId, 'back again')
      expect(await sentTo(tenant, chatId, sandbox)).toEqual(['back again'])
    })

    it('flood: every message arrives, in order', async () => {
      const { tenant, receiver } = await enterOnline()
      const count = 300
      await fault(tenant, 'flood', { count })
      await receiver.message(`Flood ${count} of ${count}`)
      expect(receiver.texts).toEqual(
        Array.from({ length: count }, (_, n) => `Flood ${n + 1} of ${count}`),
      )
    })

    it('slow: the answer is waited for', async () => {
      const { tenant, chatId } = await enterOnline()
      await fault(tenant, 'slow', { delayMs: 300, opcode: 64 })
      const startedAt = performance.now()
      await send(tenant, chatId, 'late')
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299)
    })

    it('names the field when the kind is unknown', async () => {
      const { tenant } = await enter()
      const body = { kind: 'earthquake' }
      expect(await tenant.request('POST', '/sandbox/fault', { body })).toMatchObject({
        status: 400,
        body: { code: 'INVALID_INPUT', field: 'kind' },
      })
    })
  })

  it('finds its world and its session again after a kill -9', async () => {
    const { tenant, receiver, sandbox, chatId } = await enterOnline()
    const { messageId } = await send(tenant, chatId, 'before the crash')
    await incoming(tenant, 'also before')
    await receiver.message('also before')
    await gateway.kill()
    await gateway.start()
    await receiver.event('Connected', 2)
    expect(await tenant.get('/sandbox')).toEqual(sandbox)
    const { messages } = await tenant.post<History>('/chat/history', { chatId, count: 2 })
    expect(messages).toMatchObject([
      { id: messageId, text: 'before the crash' },
      { text: 'also before' },
    ])
    await incoming(tenant, 'after')
    await receiver.message('after')
    expect(receiver.texts).toEqual(['also before', 'after'])
    await eventually(async () => expect(await status(tenant)).toMatchObject({ state: 'online' }))
  })
})

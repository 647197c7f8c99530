import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, type Edge, refused, startEdge } from '../test/contract/edge.ts'
import { updateTenant } from './tenants.ts'

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())
beforeEach(async () => {
  tenant = await edge.createTenant()
})

const session = () => edge.sessions.getByName(tenant.id)
const status = (headers: Record<string, string> = { token: tenant.token }) =>
  edge.request('GET', '/session/status', { headers })

describe('a call on a session', () => {
  it('asks the database once and the object each time', async () => {
    session().answer = () => ({ ok: true, data: { state: 'online' } })
    const before = edge.reads.count
    for (let call = 0; call < 3; call += 1) {
      expect((await status()).body).toEqual({ success: true, state: 'online' })
    }
    expect(edge.reads.count - before).toBe(1)
    expect(session().calls).toHaveLength(3)
    expect(session().calls[0]).toEqual({
      name: 'getStatus',
      input: {},
      context: { tenantId: tenant.id, generation: 1 },
    })
  })

  it('reads the tenant again after half a minute', async () => {
    await status()
    const before = edge.reads.count
    edge.clock.now += 30_000
    await status()
    expect(edge.reads.count - before).toBe(1)
  })

  it('takes the token from either header', async () => {
    expect((await status({ authorization: `Bearer ${tenant.token}` })).status).toBe(200)
    expect((await status({ authorization: `bearer ${tenant.token}` })).status).toBe(200)
    expect((await status({ token: '', authorization: `Bearer ${tenant.token}` })).status).toBe(200)
    expect((await status({ authorization: tenant.token })).status).toBe(401)
  })

  it('tells the object when the administrator calls for a tenant', async () => {
    await status({ token: tenant.token, authorization: `Bearer ${ADMIN_TOKEN}` })
    expect(session().calls.at(-1)?.context.admin).toBe(true)
    await status({ token: tenant.token, authorization: 'Bearer wrong' })
    expect(session().calls.at(-1)?.context.admin).toBeUndefined()
    expect((await status({ authorization: ADMIN_TOKEN })).status).toBe(401)
  })

  it('passes the Idempotency-Key on when it is sound', async () => {
    await status({ token: tenant.token, 'idempotency-key': 'order-17' })
    expect(session().calls.at(-1)?.context.idempotencyKey).toBe('order-17')
    const answer = await status({ token: tenant.token, 'idempotency-key': 'x'.repeat(256) })
    expect(answer.body).toMatchObject({ code: 'INVALID_INPUT', field: 'Idempotency-Key' })
  })

  it('introduces the tenant to an object that does not know it, and asks again', async () => {
    session().config = undefined
    expect((await status()).status).toBe(200)
    expect(session().config).toMatchObject({ id: tenant.id, generation: 1, events: ['All'] })
    expect(session().calls).toHaveLength(1)
  })

  it('answers 401 when the object refuses even then', async () => {
    session().answer = () => refused({ code: 'UNAUTHORIZED' })
    expect((await status()).body.code).toBe('UNAUTHORIZED')
    expect(session().calls).toHaveLength(2)
  })

  it('[defect 2] locks a deleted tenant out at once, on every route', async () => {
    await status()
    await edge.request('DELETE', `/admin/users/${tenant.id}`, { admin: true })
    expect((await status()).status).toBe(401)
    const webhook = await edge.request('GET', '/webhook', { token: tenant.token })
    expect(webhook.status).toBe(401)
  })

  it('does not repeat a send whose object went away, and says that its outcome is open', async () => {
    session().failures.set('invoke', new Error('Network connection lost.'))
    const answer = await edge.request('POST', '/chat/send/text', {
      token: tenant.token,
      body: { chatId: 1, text: 'x' },
    })
    expect([answer.status, answer.body.code]).toEqual([504, 'OUTCOME_UNKNOWN'])
    expect(session().calls).toEqual([])
  })

  it('asks to try again when the object was too busy to take the call', async () => {
    const overloaded = Object.assign(new Error('Durable Object is overloaded'), {
      overloaded: true,
    })
    session().failures.set('invoke', overloaded)
    const answer = await edge.request('POST', '/session/disconnect', { token: tenant.token })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([500, '1'])
  })
})

describe('what the edge does after a call', () => {
  const row = async () => {
    const { body } = await edge.request('GET', `/admin/users/${tenant.id}`, { admin: true })
    return body
  }
  const call = (path: string, body: object = {}) =>
    edge.request('POST', path, { token: tenant.token, body })

  it('notes who wants to be online, and who no longer does', async () => {
    await call('/session/connect')
    expect((await row()).connected_flag).toBe(true)
    await call('/session/disconnect')
    expect((await row()).connected_flag).toBe(false)
  })

  it('notes a wish again although another edge has changed it meanwhile', async () => {
    await call('/session/connect')
    await updateTenant(edge.gateway.db(), tenant.id, { wanted: false }, 1)
    await call('/session/connect')
    expect((await row()).connected_flag).toBe(true)
  })

  it('notes nothing when the call fails', async () => {
    session().answer = () => refused({ code: 'LOGIN_REQUIRED' })
    await call('/session/connect')
    expect((await row()).connected_flag).toBe(false)
  })

  it('[defect 38] stores the events of a subscription, and keeps them without one', async () => {
    await call('/session/connect', { subscribe: 'Message,Typing' })
    expect((await row()).events).toEqual(['Message', 'Typing'])
    await call('/session/connect')
    expect((await row()).events).toEqual(['Message', 'Typing'])
  })

  it('never writes for a send or a status', async () => {
    await status()
    const before = edge.reads.count
    await status()
    await call('/chat/send/text', { chatId: 1, text: 'x' })
    expect(edge.reads.count).toBe(before)
  })

  it('draws the QR code, and writes to the database for the first one only', async () => {
    const data = { qrLink: 'https://max.ru/:auth/abc', expiresAt: 1, pollingInterval: 2 }
    session().answer = () => ({ ok: true, data })
    const qr = () => edge.request('GET', '/session/qr', { token: tenant.token })
    expect((await qr()).body).toEqual({
      success: true,
      ...data,
      qrcode: expect.stringMatching(/^data:image\/png;base64,iVBORw0KGgo/),
    })
    const before = edge.reads.count
    await qr()
    expect(edge.reads.count).toBe(before)
    expect((await row()).connected_flag).toBe(true)
  })

  it('does not undo a login because the database failed after it', async () => {
    const own = await startEdge()
    const { token } = await own.createTenant()
    await own.request('GET', '/session/status', { token })
    own.breakDatabase()
    const body = { code: '123456' }
    const answer = await own.request('POST', '/session/auth/confirm', { token, body })
    expect(answer.status).toBe(200)
    expect(own.log).toEqual([['error', 'wish not stored', expect.any(Object)]])
    await own.close()
  })
})

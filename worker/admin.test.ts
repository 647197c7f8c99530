import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, type Edge, startEdge } from '../test/contract/edge.ts'
import { hashToken } from './auth.ts'
import { findTenant, listTenants } from './tenants.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

const admin = (method: string, path: string, body?: unknown) =>
  edge.request(method, path, { admin: true, body })

describe('the admin token', () => {
  it.each([
    ADMIN_TOKEN,
    `Bearer ${ADMIN_TOKEN}`,
    `bearer ${ADMIN_TOKEN}`,
  ])('is taken as %s', async (authorization) => {
    const answer = await edge.request('GET', '/admin/users', { headers: { authorization } })
    expect(answer.status).toBe(200)
  })

  it('opens nothing when the deployment has none', async () => {
    const own = await startEdge({ MAXAPI_ADMIN_TOKEN: '' })
    for (const authorization of ['', 'Bearer ', 'undefined', ADMIN_TOKEN]) {
      const answer = await own.request('GET', '/admin/users', { headers: { authorization } })
      expect(answer.status).toBe(401)
    }
    await own.close()
  })
})

describe('creating a tenant', () => {
  it('shows the token once and stores its hash only', async () => {
    const { body } = await admin('POST', '/admin/users', { name: ' Shop ', events: 'Message' })
    const token = String(body.token)
    expect(body).toEqual({
      success: true,
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      token: expect.stringMatching(/^mx_[\w-]{43}$/),
      name: 'Shop',
    })
    const row = await findTenant(edge.gateway.db(), String(body.id))
    expect(row).toMatchObject({
      tokenHash: hashToken(token),
      tokenPreview: `${token.slice(0, 6)}…`,
      events: ['Message'],
      webhook: '',
      sandbox: false,
    })
    expect(JSON.stringify(row)).not.toContain(token)
    expect((await admin('GET', `/admin/users/${body.id}`)).text).not.toContain(token)
    expect((await admin('GET', '/admin/users')).text).not.toContain(token)
  })

  it('takes a chosen token, and refuses one that is taken', async () => {
    const token = `chosen-${crypto.randomUUID()}`
    expect((await admin('POST', '/admin/users', { token })).body.token).toBe(token)
    const again = await admin('POST', '/admin/users', { token })
    expect([again.status, again.body.code, again.body.field]).toEqual([409, 'CONFLICT', 'token'])
    expect(again.text).not.toContain(token)
  })

  it('refuses a webhook inside the own network', async () => {
    const webhook = 'http://127.0.0.1:9000/hook'
    const answer = await admin('POST', '/admin/users', { webhook })
    expect([answer.status, answer.body.field]).toEqual([403, 'webhook'])
  })

  it('lets a sandbox tenant of a local gateway call the own machine', async () => {
    const own = await startEdge({ MAXAPI_LOOPBACK: 'true' })
    const webhook = 'http://127.0.0.1:9000/hook'
    const create = (body: object) => own.request('POST', '/admin/users', { admin: true, body })
    expect((await create({ webhook, sandbox: true })).status).toBe(200)
    expect((await create({ webhook, sandbox: false })).status).toBe(403)
    await own.close()
  })

  it('leaves no tenant behind when its session cannot be set up', async () => {
    const own = await startEdge()
    own.gateway.sessions.getByName = () => {
      throw new Error('no object')
    }
    const answer = await own.request('POST', '/admin/users', { admin: true })
    expect(answer.status).toBe(500)
    expect(await listTenants(own.gateway.db())).toEqual([])
    await own.close()
  })
})

describe('reading tenants', () => {
  it('shows the live state of each', async () => {
    const { id } = await edge.createTenant({ name: 'Live', sandbox: true })
    const session = edge.sessions.getByName(id)
    session.status = {
      ...session.status,
      connected: true,
      authenticated: true,
      state: 'online',
      maxUserID: 42,
    }
    const tenant = {
      id,
      name: 'Live',
      tokenPreview: expect.stringMatching(/^mx_.{3}…$/),
      webhook: '',
      events: 'All',
      sandbox: true,
      maxUserId: 42,
      connected: 1,
      authenticated: true,
      state: 'online',
      createdAt: new Date(edge.clock.now).toISOString(),
    }
    const list = await admin('GET', '/admin/users')
    expect(list.body.data).toContainEqual(tenant)
    const one = await admin('GET', `/admin/users/${id}`)
    expect(one.body).toEqual({
      success: true,
      data: tenant,
      ...tenant,
      events: ['All'],
      connected: true,
      connected_flag: false,
      auth_configured: true,
      max_user_id: 42,
    })
  })

  it('lists a tenant whose object fails, as unknown', async () => {
    const { id } = await edge.createTenant()
    edge.sessions.getByName(id).failures.set('peek', new Error('gone'))
    const { body } = await admin('GET', '/admin/users')
    expect(body.data).toContainEqual(
      expect.objectContaining({ id, state: 'unknown', connected: 0, maxUserId: null }),
    )
  })

  it('answers 404 for an unknown id', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await admin(method, '/admin/users/nobody')
      expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND'])
    }
  })
})

describe('changing a tenant', () => {
  it('keeps what is left out and tells the session', async () => {
    const webhook = 'https://example.com/hook'
    const { id } = await edge.createTenant({ name: 'Old', webhook, events: ['Typing'] })
    const answer = await admin('PUT', `/admin/users/${id}`, { name: 'New' })
    expect(answer.body).toEqual({ success: true, message: 'User updated' })
    expect(edge.sessions.getByName(id).config).toEqual({
      id,
      name: 'New',
      generation: 1,
      updatedAt: expect.any(Number),
      sandbox: false,
      webhook,
      events: ['Typing'],
    })
  })
})

describe('deleting a tenant', () => {
  it('ends its session and empties its sandbox', async () => {
    const { id } = await edge.createTenant({ sandbox: true })
    const answer = await admin('DELETE', `/admin/users/${id}`)
    expect(answer.body).toEqual({ success: true, message: 'User deleted' })
    expect(edge.sessions.getByName(id).config).toBeUndefined()
    expect(edge.sandboxes.getByName(id).destroyed).toBe(true)
    expect((await admin('GET', `/admin/users/${id}`)).status).toBe(404)
  })

  it('succeeds when the object forgot everything but went down before it could say so', async () => {
    const { id } = await edge.createTenant()
    const session = edge.sessions.getByName(id)
    session.failures.set('destroy', new Error('tenant deleted'))
    session.config = undefined
    expect((await admin('DELETE', `/admin/users/${id}`)).status).toBe(200)
  })

  it('keeps a tenant whose session could not be ended, so that it can be repeated', async () => {
    const { id, token } = await edge.createTenant()
    edge.sessions.getByName(id).failures.set('destroy', new Error('no answer'))
    expect((await admin('DELETE', `/admin/users/${id}`)).status).toBe(500)
    expect((await edge.request('GET', '/session/status', { token })).status).toBe(200)
    expect((await admin('DELETE', `/admin/users/${id}`)).status).toBe(200)
  })
})

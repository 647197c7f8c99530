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
  it('[defect 28] shows the token once and stores its hash only', async () => {
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
      deviceId: 'device-1',
    }
    const tenant = {
      id,
      name: 'Live',
      token: expect.stringMatching(/^mx_.{3}…$/),
      tokenPreview: expect.stringMatching(/^mx_.{3}…$/),
      webhook: '',
      events: 'All',
      sandbox: true,
      maxUserId: 42,
      max_user_id: 42,
      connected: 1,
      authenticated: true,
      state: 'online',
      createdAt: new Date(edge.clock.now).toISOString(),
      history: 0,
      proxy_config: { enabled: false, proxy_url: '' },
      s3_config: expect.objectContaining({ enabled: false, media_delivery: 'url' }),
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
      device_id: 'device-1',
      proxy_configured: false,
      proxy_url: '',
      s3_enabled: false,
      s3_endpoint: '',
      s3_region: 'us-east-1',
      s3_bucket: '',
      media_delivery: 'url',
    })
  })

  it('comes in pages that lose and repeat nobody, or whole', async () => {
    const own = await startEdge()
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) {
      // Two of them in one millisecond.
      if (n !== 2) own.clock.now += 1
      ids.push((await own.createTenant()).id)
    }
    const read = (query: string) => own.request('GET', `/admin/users${query}`, { admin: true })
    const idsOf = (body: Record<string, unknown>) =>
      (body.data as { id: string }[]).map(({ id }) => id)
    const seen: string[] = []
    let query = '?limit=2'
    for (let page = 0; page < 3; page += 1) {
      const { body } = await read(query)
      seen.push(...idsOf(body))
      query = `?limit=2&cursor=${body.nextCursor}`
      if (page === 2) expect(body).not.toHaveProperty('nextCursor')
    }
    expect(seen.toSorted()).toEqual(ids.toSorted())
    const all = await read('')
    expect(idsOf(all.body)).toEqual(seen)
    expect(all.body).not.toHaveProperty('nextCursor')
    expect((await read('?limit=5')).body).not.toHaveProperty('nextCursor')
    expect((await read('?cursor=nonsense')).body.field).toBe('cursor')
    await own.close()
  })

  it('[defect 43] is an empty list, never null, without any tenant', async () => {
    const own = await startEdge()
    const { body } = await own.request('GET', '/admin/users', { admin: true })
    expect(body).toEqual({ success: true, data: [] })
    await own.close()
  })

  it('[defect 14] lists a tenant whose object fails, as unknown', async () => {
    const { id } = await edge.createTenant()
    edge.sessions.getByName(id).failures.set('peek', new Error('gone'))
    const { body } = await admin('GET', '/admin/users')
    expect(body.data).toContainEqual(
      expect.objectContaining({ id, state: 'unknown', connected: 0, maxUserId: null }),
    )
  })

  it('[defect 37] answers 404 for an unknown id', async () => {
    for (const [method, path] of [
      ['GET', '/admin/users/nobody'],
      ['PUT', '/admin/users/nobody'],
      ['DELETE', '/admin/users/nobody'],
      ['POST', '/admin/users/nobody/token'],
    ] as const) {
      const answer = await admin(method, path)
      expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND'])
    }
  })
})

describe('changing a tenant', () => {
  it('[defect 37] [defect 2] keeps what is left out and tells the session', async () => {
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

describe('settings of older versions', () => {
  it('are accepted where they say nothing', async () => {
    const body = {
      name: 'From the old dashboard',
      history: 0,
      expiration: 0,
      proxyConfig: { enabled: false, proxyURL: '' },
      s3Config: { enabled: false, endpoint: '', pathStyle: true, retentionDays: 30 },
    }
    expect((await admin('POST', '/admin/users', body)).status).toBe(200)
  })

  it.each([
    ['history', 100],
    ['expiration', 1_790_000_000],
    ['proxyConfig', { enabled: true, proxyURL: 'socks5://proxy.example:1080' }],
  ])('are refused by name instead of dropped: %s', async (field, value) => {
    const before = (await listTenants(edge.gateway.db())).length
    const answer = await admin('POST', '/admin/users', { [field]: value })
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([
      422,
      'NOT_SUPPORTED',
      field,
    ])
    expect(await listTenants(edge.gateway.db())).toHaveLength(before)
  })
})

describe('replacing the token of a tenant', () => {
  const status = (token: string) => edge.request('GET', '/session/status', { token })

  it('[defect 28] makes the new one good and the old one dead at once', async () => {
    const { id, token } = await edge.createTenant({ name: 'Kept' })
    // The edge remembers the old token from here on.
    expect((await status(token)).status).toBe(200)
    const answer = await admin('POST', `/admin/users/${id}/token`)
    const fresh = String(answer.body.token)
    expect(answer.body).toMatchObject({ id, token: expect.stringMatching(/^mx_[\w-]{43}$/) })
    expect((await status(token)).status).toBe(401)
    expect((await edge.request('GET', '/webhook', { token })).status).toBe(401)
    expect((await status(fresh)).status).toBe(200)
    expect(await findTenant(edge.gateway.db(), id)).toMatchObject({ name: 'Kept', generation: 2 })
    expect(edge.sessions.getByName(id).config).toMatchObject({ name: 'Kept', generation: 2 })
    expect((await admin('GET', '/admin/users')).text).not.toContain(fresh)
  })

  it("takes a chosen one, and not another tenant's", async () => {
    const [one, other] = [await edge.createTenant(), await edge.createTenant()]
    const path = `/admin/users/${one.id}/token`
    const taken = await admin('POST', path, { token: other.token })
    expect([taken.status, taken.body.code]).toEqual([409, 'CONFLICT'])
    expect((await status(one.token)).status).toBe(200)
    const token = `chosen-${crypto.randomUUID()}`
    expect((await admin('POST', path, { token })).body.token).toBe(token)
    expect((await status(token)).status).toBe(200)
  })

  it('may be repeated when the object could not be told', async () => {
    const { id, token } = await edge.createTenant()
    edge.sessions.getByName(id).failures.set('configure', new Error('no answer'))
    expect((await admin('POST', `/admin/users/${id}/token`)).status).toBe(500)
    expect((await status(token)).status).toBe(401)
    const again = await admin('POST', `/admin/users/${id}/token`)
    expect((await status(String(again.body.token))).status).toBe(200)
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
